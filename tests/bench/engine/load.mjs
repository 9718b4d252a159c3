// One run of the load tool against one server, with the server's CPU time and memory read at the
// moments that the tool names.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { cpuSeconds, memory } from '../lib/processes.mjs';

/** Gives what the tool counted, and what the server spent meanwhile. */
export async function load(server, options) {
  const binary = process.env.PLENARY_LOAD_BIN;
  if (!binary) throw new Error('PLENARY_LOAD_BIN has to name the load tool; `cargo xtask bench engine` sets it');
  const args = Object.entries(options).flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, `${value}`]));
  const before = { cpu: cpuSeconds(server.pid), memory: memory(server.pid) };
  const child = spawn(binary, ['--url', server.url, '--keys', server.keys, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const complaints = [];
  createInterface({ input: child.stderr }).on('line', (line) => complaints.push(line));
  const result = { complaints };
  let begin;
  for await (const line of createInterface({ input: child.stdout })) {
    const report = JSON.parse(line);
    const cpu = cpuSeconds(server.pid);
    if (report.event === 'joined') {
      result.joined = { ...report, cpu: cpu - before.cpu };
      result.memory = memory(server.pid) - before.memory;
    } else if (report.event === 'begin') {
      begin = cpu;
    } else if (report.event === 'end') {
      result.end = report;
      if (begin !== undefined) result.cpu = cpu - begin;
    }
  }
  if (!result.end) throw new Error(`the load tool ended early: ${complaints.slice(-3).join('; ')}`);
  return result;
}
