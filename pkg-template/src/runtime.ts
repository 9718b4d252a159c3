/**
 * The one core of the page, and the way of its changes to the objects that show them. Changes are
 * applied one after the other, in the core's order, also when a listener makes the core tell more.
 */
import type { AgentInfo, Change, Core } from './core.js';
import { isolated } from './events.js';
import type { OvcChangeReason } from './features/optimal-video-count.js';
import { load } from './wasm.js';

type ChangeOf<Type extends Change['type']> = Extract<Change, { type: Type }>;
/** What everybody in a call is told of it, beside who is there: the whole. */
export interface SharedState {
  recordings: { id: string; kind: 'recording' | 'transcription'; paused: boolean }[];
  /** Raw ids, the first hand first. */ hands: string[];
}
/** What the service tells of a call and the core hands on as it came. */
export type Told =
  | { type: 'state'; call: string; state: SharedState }
  | { type: 'reaction'; call: string; from: string; reaction: string }
  /** By somebody else. */
  | { type: 'muted'; call: string }
  /** To all rooms. */
  | { type: 'announcement'; call: string; message: string; from: string };
/** What the facade finds itself. */
export type Found = { type: 'videoCount'; call: string; count: number; reason: OvcChangeReason };
/** Changes that name a call. */
export type CallChange = Extract<Change, { call: string }> | Told | Found;
/** A change of an agent's connection. */
export type AgentChange = ChangeOf<'agent'>;
/** What is told of an agent: its connection, and what happens in the user's chats. */
export type AgentEvent = AgentChange | { type: 'chat'; event: unknown };
/** A change of the lists of devices. */
export type DevicesChange = ChangeOf<'devices'>;

/** What shows an agent. */
export interface AgentSink { apply(change: AgentEvent): void }
/** What shows a call. */
export interface CallSink { apply(change: CallChange): void }
/** What shows the devices. */
export interface DevicesSink { apply(change: DevicesChange): void }

/** Agents by handle. */
export const agents = new Map<AgentInfo['agent'], AgentSink>();
/** Calls by id, from `join()` to their end. */
export const calls = new Map<string, CallSink>();
/** Device managers that are not disposed. */
export const deviceManagers = new Set<DevicesSink>();
/** What the application chose on any device manager; the choice is the page's. */
export const chosen: { microphone?: string | undefined; speaker?: string | undefined } = {};

let core: Core | undefined;
const clients = new Set<object>();
const waiting: Change[] = [];
let holds = 0;
let draining = false;

/** The core, after loading the wasm where that has not been done. */
export async function loadedCore(): Promise<Core> {
  const begin = await load();
  core ??= begin(receive);
  return core;
}

/** The core if it is there: for what must be synchronous. */
export function currentCore(): Core | undefined {
  return core;
}

/** Counts a client that uses the core. */
export function retain(client: object): void {
  clients.add(client);
}

/** The last client that goes takes the core along; the wasm module stays loaded. */
export function release(client: object): void {
  if (clients.delete(client) && clients.size === 0) {
    core?.dispose();
    core = undefined;
    chosen.microphone = chosen.speaker = undefined;
  }
}

/** Keeps changes back until the returned function is called (2.1.7: `callsUpdated` comes first). */
export function hold(): () => void {
  holds += 1;
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    holds -= 1;
    drain();
  };
}

function receive(change: Change): void {
  waiting.push(change);
  drain();
}

function drain(): void {
  if (draining) return;
  draining = true;
  while (holds === 0) {
    const change = waiting.shift();
    if (!change) break;
    isolated(() => route(change));
  }
  draining = false;
}

/** Told of a call that is not shown yet: a move that was missed is caught up after it. */
let early: Extract<Told, { type: 'state' }> | undefined;

/** What was told of this call before it was shown, if anything. */
export function toldEarly(call: string): SharedState | undefined {
  return early?.call === call ? early.state : undefined;
}

const told = ['state', 'reaction', 'muted', 'announcement'];

/** Events that this version does not know are skipped. */
function tell({ agent, event }: ChangeOf<'event'>): void {
  for (const [type, of] of Object.entries(event)) {
    if (type === 'chat') agents.get(agent)?.apply({ type, event: of });
    else if (told.includes(type)) {
      const change = { type, ...(of as object) } as Told;
      const sink = calls.get(change.call);
      if (sink) sink.apply(change);
      else if (change.type === 'state') early = change;
    }
  }
}

function route(change: Change): void {
  switch (change.type) {
    case 'event':
      return tell(change);
    case 'agent':
      agents.get(change.agent)?.apply(change);
      break;
    case 'devices':
      for (const manager of [...deviceManagers]) isolated(() => manager.apply(change));
      break;
    default:
      calls.get(change.call)?.apply(change);
  }
}
