// What a lively thread costs: 250 people, 1,000 messages, everybody is to have all of them in one order.
// The service on SQLite and on PostgreSQL beside ejabberd with its archive on PostgreSQL, in one run, under
// the same load from the same tool (tests/load/src/chat), paced and in bursts. The limits that slow writers
// down are off. And what a page of history costs among ten million messages.
//
// `cargo xtask bench chat [--people 250] [--messages 1000] [--stored 10000000] [--only NAME] [--check]`; with `--check` a ratio
// above what is expected fails.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { EJABBERD_MISSING, ejabberdVersion, findEjabberd, startEjabberd } from './chat/ejabberd.mjs';
import { history, SMALL } from './chat/history.mjs';
import { load } from './chat/load.mjs';
import { place, startPlenary } from './chat/plenary.mjs';
import { findPostgres, POSTGRES_MISSING, startPostgres } from './chat/postgres.mjs';

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '250' },
    messages: { type: 'string', default: '1000' },
    stored: { type: 'string', default: '10000000' },
    only: { type: 'string' },
    check: { type: 'boolean', default: false },
  },
});

/** Forty messages a second to 250 people are 10,000 deliveries; a burst is a question that all answer at once. */
const SCENARIOS = [
  { name: 'paced', rate: 40, burst: 1 },
  { name: 'in bursts of 100', rate: 40, burst: 100 },
];
/** At most these parts of ejabberd's figures. */
const EXPECTED = { p99: 0.5, cpu: 0.5 };
/** A page of a long thread may take so many times that of a short one: as fast, on a machine that is never quiet. */
const AS_FAST = 1.2;

const HISTORY = 'history';
const NAMES = [...SCENARIOS.map(({ name }) => name), HISTORY];
if (values.only && !NAMES.includes(values.only)) throw new Error(`--only has to be one of: ${NAMES.join(', ')}`);

async function onPostgres(act) {
  const postgres = await startPostgres(findPostgres());
  try {
    return await act(postgres);
  } finally {
    await postgres.stop();
  }
}

async function plenary(options, postgres) {
  const where = await place(postgres);
  const service = await startPlenary(where);
  try {
    const { thread, tokens } = await service.thread(Number(options.people));
    const at = ['plenary', '--url', service.url, '--thread', thread];
    return await load({ pid: service.pid, database: postgres?.pid, at, tokens }, options);
  } finally {
    await service.stop();
    await where.remove();
  }
}

async function ejabberd(options, postgres) {
  const server = await startEjabberd(findEjabberd(), postgres);
  try {
    const at = ['xmpp', '--url', server.url, '--room', 'bench@conference.localhost'];
    const result = await load({ pid: server.pid, database: postgres.pid, at }, options);
    const archived = server.archived();
    if (archived !== Number(options.messages)) throw new Error(`ejabberd has ${archived} messages in its archive, not ${options.messages}`);
    return result;
  } finally {
    await server.stop();
  }
}

const servers = [{ name: 'plenary, SQLite', run: (options) => plenary(options) }];
if (!findPostgres()) console.log(`${POSTGRES_MISSING}. Only figures on SQLite follow.`);
else {
  servers.push({ name: 'plenary, PostgreSQL', run: (options) => onPostgres((postgres) => plenary(options, postgres)) });
  if (!findEjabberd()) console.log(`${EJABBERD_MISSING}. Only our own figures follow.`);
  else servers.push({ name: 'ejabberd, PostgreSQL', run: (options) => onPostgres((postgres) => ejabberd(options, postgres)) });
}
const peer = findPostgres() && findEjabberd() ? ejabberdVersion(findEjabberd()) : 'no peer';
console.log(`${values.messages} messages to ${values.people} people: ${peer}, ${cpus().length} × ${cpus()[0].model}`);
console.log('limits are raised: writing, adding people and listing messages are not throttled, on either side');

const TITLES = [['p50 ms', 9], ['p99 ms', 9], ['most ms', 9], ['CPU µs/delivery', 16], ['database', 9], ['MiB', 7], ['missing', 8], ['one order', 10]];
const cell = (value, width, digits) => (typeof value === 'number' ? value.toFixed(digits) : String(value)).padStart(width);
const missed = [];

for (const { name, ...options } of SCENARIOS) {
  if (values.only && name !== values.only) continue;
  console.log(`\n${name}`);
  console.log(`  ${''.padEnd(21)}${TITLES.map(([title, width]) => cell(title, width)).join('')}`);
  const figures = {};
  for (const server of servers) {
    const end = await server.run({ people: values.people, messages: values.messages, ...options });
    const micros = (seconds) => (seconds * 1e6) / end.delivered;
    const missing = end.expected - end.delivered;
    figures[server.name] = { p99: end.p99, cpu: micros(end.cpu) };
    const row = [[end.p50, 1], [end.p99, 1], [end.most, 1], [micros(end.cpu), 1], [micros(end.databaseCpu), 1], [end.memory, 0], [missing, 0], [end.inOneOrder ? 'yes' : 'NO']];
    console.log(`  ${server.name.padEnd(21)}${row.map(([value, digits], at) => cell(value, TITLES[at][1], digits)).join('')}`);
    if (missing !== 0 || end.doubled !== 0 || !end.inOneOrder) missed.push(`${name}, ${server.name}: ${missing} missing, ${end.doubled} twice, one order: ${end.inOneOrder}`);
  }
  const theirs = figures['ejabberd, PostgreSQL'];
  if (!theirs) missed.push(`${name}: nothing to compare with`);
  for (const ours of ['plenary, PostgreSQL', 'plenary, SQLite']) {
    if (!theirs || !figures[ours]) continue;
    const ratios = Object.entries(EXPECTED).map(([figure, most]) => {
      const ratio = figures[ours][figure] / theirs[figure];
      if (ratio > most) missed.push(`${name}, ${ours}: ${figure} ${ratio.toFixed(2)}, expected at most ${most}`);
      return `${figure} ${ratio.toFixed(2)}${ratio > most ? ' (MISSED)' : ''}`;
    });
    console.log(`  ${ours} : ejabberd  ${ratios.join(', ')}`);
  }
}

const places = [{ name: 'plenary, SQLite', run: (stored) => history(undefined, stored) }];
if (findPostgres()) places.push({ name: 'plenary, PostgreSQL', run: (stored) => onPostgres((postgres) => history(postgres, stored)) });
if (!values.only || values.only === HISTORY) {
  console.log(`\n${HISTORY}: a page of a thread, among ${values.stored} messages`);
  for (const { name, run } of places) {
    const { small, large, of } = await run(Number(values.stored));
    const ratio = large / small;
    console.log(`  ${name.padEnd(21)} ${SMALL} messages: ${small.toFixed(2)} ms, ${of}: ${large.toFixed(2)} ms, ${ratio.toFixed(2)} times${ratio > AS_FAST ? ' (MISSED)' : ''}`);
    if (ratio > AS_FAST) missed.push(`${HISTORY}, ${name}: ${ratio.toFixed(2)} times, expected at most ${AS_FAST}`);
  }
}

if (missed.length > 0) console.log(`\n${missed.join('\n')}`);
if (values.check && missed.length > 0) process.exitCode = 1;
