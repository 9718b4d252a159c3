/**
 * Real-time notifications: one agent socket for all clients of a credential and a service. The core keeps
 * it, resumes it after a drop and gives each event once, in its order.
 */
import { where } from '../address.js';
import type { AgentInfo } from '../core.js';
import { settled } from '../errors.js';
import { rawIdOf } from '../identifiers.js';
import { agents, loadedCore, release, retain, type AgentEvent } from '../runtime.js';
import type { CommunicationTokenCredential } from '../types.js';
import { notification, type Notification } from './notifications.js';

/** What is told of a connection. */
export interface LiveSink { _heard(notification: Notification): void }

interface Live {
  endpoint: string;
  credential: CommunicationTokenCredential;
  sinks: Set<LiveSink>;
  agent: Promise<AgentInfo['agent']>;
  /** When the user was last taken into a thread, how that is told, and who has heard it. */
  taken?: [number, () => Notification | undefined, Set<LiveSink>];
}

/** The UI library's chat looks this far back, too. */
const LATE_MS = 10_000;

const connections: Live[] = [];

/** Resolves when the service has welcomed the user; then everything is told to `sink`. */
export async function connect(endpoint: string, credential: CommunicationTokenCredential, sink: LiveSink): Promise<void> {
  let live = connections.find((one) => one.endpoint === endpoint && one.credential === credential);
  if (!live) {
    const opened: Live = { endpoint, credential, sinks: new Set(), agent: open(endpoint, credential, () => opened) };
    retain(opened);
    connections.push(opened);
    live = opened;
  }
  live.sinks.add(sink);
  try {
    await live.agent;
  } catch (error) {
    forget(live);
    release(live);
    throw error;
  }
}

/**
 * That the user was taken into a thread just now, for a client that came after it was told: the UI library
 * makes one when it hears of a breakout room, and waits for this (UI library 5675).
 */
export function missed(sink: LiveSink): Notification | undefined {
  const [at, tell, told] = connections.find(({ sinks }) => sinks.has(sink))?.taken ?? [];
  return tell && !told!.has(sink) && Date.now() - at! < LATE_MS ? tell() : undefined;
}

/** Closes the connection with its last client. */
export async function disconnect(sink: LiveSink): Promise<void> {
  const live = connections.find(({ sinks }) => sinks.delete(sink));
  if (!live || live.sinks.size > 0) return;
  const agent = await live.agent;
  // Somebody may have come meanwhile.
  if (live.sinks.size > 0 || !connections.includes(live)) return;
  forget(live);
  agents.delete(agent);
  const core = await loadedCore();
  await settled(() => core.disposeAgent(agent)).finally(() => release(live));
}

async function open(endpoint: string, credential: CommunicationTokenCredential, live: () => Live): Promise<AgentInfo['agent']> {
  return settled(async () => {
    const core = await loadedCore();
    const { agent, identity } = await core.createAgent({ kind: 'chat', ...where(credential, endpoint) });
    // Each client has objects of its own: an application may keep and freeze them (2.1.5).
    const apply = (change: AgentEvent) => {
      const tell = () => heard(change, identity);
      const [event, payload] = tell() ?? [];
      const sinks = new Set(live().sinks);
      if (event === 'participantsAdded' && payload!.participantsAdded.some(({ id }) => rawIdOf(id) === identity)) live().taken = [Date.now(), tell, sinks];
      for (const sink of sinks) {
        const told = tell();
        if (told) sink._heard(told);
      }
    };
    agents.set(agent, { apply });
    return agent;
  });
}

function heard(change: AgentEvent, me: string): Notification | undefined {
  if (change.type === 'chat') return notification(change.event, me);
  return [change.connected ? 'realTimeNotificationConnected' : 'realTimeNotificationDisconnected', undefined];
}

function forget(live: Live): void {
  const at = connections.indexOf(live);
  if (at >= 0) connections.splice(at, 1);
}
