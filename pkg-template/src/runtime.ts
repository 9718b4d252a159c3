/**
 * The one core of the page, and the way of its changes to the objects that show them. Changes are
 * applied one after the other, in the core's order, also when a listener makes the core tell more.
 */
import type { AgentInfo, Change, Core } from './core.js';
import { isolated } from './events.js';
import { load } from './wasm.js';

type ChangeOf<Type extends Change['type']> = Extract<Change, { type: Type }>;
/** Changes that name a call. */
export type CallChange = Extract<Change, { call: string }>;
/** A change of an agent's connection. */
export type AgentChange = ChangeOf<'agent'>;
/** What is told of an agent: its connection, and what happens in the user's chats. */
export type AgentEvent = AgentChange | ChangeOf<'chat'>;
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

function route(change: Change): void {
  switch (change.type) {
    case 'agent':
    case 'chat':
      agents.get(change.agent)?.apply(change);
      break;
    case 'devices':
      for (const manager of [...deviceManagers]) isolated(() => manager.apply(change));
      break;
    default:
      calls.get(change.call)?.apply(change);
  }
}
