// One run of the chat load tool against one server, with what the server and its database spent meanwhile.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { cpuSecondsOfAll, memory } from '../lib/processes.mjs';

/** Gives what the tool counted; `at` are the tool's words for where, `tokens` what it reads. */
export async function load({ pid, database, at, tokens = [] }, options) {
  const binary = process.env.PLENARY_CHAT_LOAD_BIN;
  if (!binary) throw new Error('PLENARY_CHAT_LOAD_BIN has to name the load tool; `cargo xtask bench chat` sets it');
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const child = spawn(binary, [...args, ...at], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(tokens.map((token) => `${token}\n`).join(''));
  const spent = () => ({ server: cpuSecondsOfAll(pid), database: database ? cpuSecondsOfAll(database) : 0 });
  let begin;
  let result;
  for await (const line of createInterface({ input: child.stdout })) {
    const report = JSON.parse(line);
    if (report.event === 'begin') begin = spent();
    if (report.event !== 'end') continue;
    const end = spent();
    result = { ...report, cpu: end.server - begin.server, databaseCpu: end.database - begin.database, memory: memory(pid) };
  }
  if (!result) throw new Error('the load tool ended early');
  return result;
}
