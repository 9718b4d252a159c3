/**
 * Real-time notifications: one agent socket for all clients of a credential and a service. The core keeps
 * it, resumes it after a drop and gives each event once, in its order.
 */
import { where } from '../address.js';
import type { AgentInfo } from '../core.js';
import { settled } from '../errors.js';
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
}

const connections: Live[] = [];

/** Resolves when the service has welcomed the user; then everything is told to `sink`. */
export async function connect(endpoint: string, credential: CommunicationTokenCredential, sink: LiveSink): Promise<void> {
  let live = connections.find((one) => one.endpoint === endpoint && one.credential === credential);
  if (!live) {
    const opened: Live = { endpoint, credential, sinks: new Set(), agent: open(endpoint, credential, () => opened.sinks) };
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

async function open(endpoint: string, credential: CommunicationTokenCredential, sinks: () => Set<LiveSink>): Promise<AgentInfo['agent']> {
  return settled(async () => {
    const core = await loadedCore();
    const { agent, identity } = await core.createAgent({ kind: 'chat', ...where(credential, endpoint) });
    // Each client has objects of its own: an application may keep and freeze them (2.1.5).
    const apply = (change: AgentEvent) => {
      for (const sink of [...sinks()]) {
        const told = heard(change, identity);
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
