import { invalidArgument } from '../errors.js';

/** What a feature belongs to. */
export type FeatureScope = 'client' | 'call' | 'video' | 'audio';

/** Names a feature; compared by reference. Take it from {@link Features}. */
export interface FeatureFactory<Scope extends FeatureScope, T> {
  /** What the feature belongs to. */
  readonly scope: Scope;
  /** Never set: carries the type of the feature. */
  readonly type?: T;
}

/** A feature of a call. */
export interface CallFeature {
  /** Name of the feature, as in `Features`. */
  readonly name: string;
  /** Does nothing: a feature lives as long as its call. */
  dispose(): void;
}

/** Names a feature of a call. */
export type CallFeatureFactory<T extends CallFeature> = FeatureFactory<'call', T>;
/** Names a feature of a client. */
export type CallClientFeatureFactory<T> = FeatureFactory<'client', T>;
/** Names a feature of a local video stream. */
export type LocalVideoStreamFeatureFactory<T> = FeatureFactory<'video', T>;
/** Names a feature of a local audio stream. */
export type LocalAudioStreamFeatureFactory<T> = FeatureFactory<'audio', T>;

interface Made<Owner> { readonly make: (owner: Owner) => unknown }

/** @internal */
export function factory<Scope extends FeatureScope, Owner, T>(scope: Scope, make: (owner: Owner) => T): FeatureFactory<Scope, T> {
  return { scope, make } as FeatureFactory<Scope, T>;
}

/**
 * The feature of `owner`, the same object every time.
 * @internal
 */
export function makeFeature<T>(
  scope: FeatureScope,
  wanted: FeatureFactory<FeatureScope, T>,
  cache: Map<unknown, unknown>,
  owner: unknown,
): T {
  if (!cache.has(wanted)) {
    if (wanted?.scope !== scope) throw invalidArgument(`This is not a feature of a ${scope}; take it from Features of the same package.`);
    cache.set(wanted, (wanted as unknown as Made<unknown>).make(owner));
  }
  return cache.get(wanted) as T;
}
