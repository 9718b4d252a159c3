// What processes cost, from /proc; and their end.

import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc; 100 on every Linux that Node runs on. */
const TICKS = 100;

/** The fields of /proc/PID/stat behind the name, which may hold anything. */
function fields(pid) {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ').map(Number);
}

/** CPU seconds of a process so far, user and system. */
export function cpuSeconds(pid) {
  const stat = fields(pid);
  return (stat[11] + stat[12]) / TICKS;
}

/** Of a process and all that it started, those that ended included. */
export function cpuSecondsOfAll(pid) {
  let ticks = 0;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = fields(entry);
      if (Number(entry) === pid || stat[1] === pid) ticks += stat[11] + stat[12] + stat[13] + stat[14];
    } catch {
      // It ended while the list was read.
    }
  }
  return ticks / TICKS;
}

/** Resident memory of a process, in MiB. */
export function memory(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

/** Ends a process of ours, and waits for it. */
export async function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}
