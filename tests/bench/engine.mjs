// What forwarding costs: our engine beside LiveKit's server, as it comes and with batched writing, in
// one run, under the same load from the same tool (tests/load).
//
// `cargo xtask bench engine [--seconds 10] [--only NAME] [--check]`; with `--check` a ratio above what
// is expected fails. LiveKit's server is taken from $LIVEKIT_SERVER, the PATH, or built where Go is.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { load } from './engine/load.mjs';
import { findLivekit, livekitVersion, MISSING, startEngine, startLivekit } from './engine/servers.mjs';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, only: { type: 'string' }, check: { type: 'boolean', default: false } },
});

// What a room of this size sends is chosen so that each forwards some 10,000 to 20,000 packets a
// second: both servers and the load tool fit on two cores.
const SCENARIOS = [
  { name: '10 in a room', rooms: 1, size: 10, speakers: 10, cameras: 10 },
  { name: '100 in a room', rooms: 1, size: 100, speakers: 2, cameras: 1 },
  { name: '350 in a room', rooms: 1, size: 350, speakers: 1, cameras: 0 },
  { name: '50 rooms of 8', rooms: 50, size: 8, speakers: 1, cameras: 0 },
];
const STORM = { name: 'join storm of 500', rooms: 50, size: 10, speakers: 1, cameras: 0, 'joins-per-second': 0, storm: true };

/** At most these parts of LiveKit's figures. */
const EXPECTED = { cpu: 0.2, memory: 0.5, p99: 1 };
/**
 * Two workers carry at least so much more than one. With a core each that is what their packets cost in processor time.
 * A room of fewer than TOGETHER is on one worker (`EngineConfig::together`).
 */
const SCALING = 1.7;
const TOGETHER = 32;

const livekit = findLivekit();
const peers = livekit
  ? [
    { name: 'livekit', start: () => startLivekit(livekit, { batched: false }) },
    { name: 'livekit, batch_io', start: () => startLivekit(livekit, { batched: true }) },
  ]
  : [];
const servers = [
  { name: 'plenary, 1 worker', start: () => startEngine(1) },
  { name: 'plenary, 2 workers', start: () => startEngine(2) },
  ...peers,
];
if (!livekit) console.log(`${MISSING}. Only our own figures follow.`);
console.log(`forwarding: ${values.seconds} s each, ${livekit ? livekitVersion(livekit) : 'no peer'}, ${cpus().length} × ${cpus()[0].model}`);

async function under(server, { name, ...options }) {
  const running = await server.start();
  try {
    return await load(running, { seconds: values.seconds, ...options });
  } finally {
    await running.stop();
  }
}

const cell = (text, width) => String(text).padStart(width);
const number = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : '–');
const missed = [];

function compare(scenario, figure, ours, theirs) {
  const ratio = ours / theirs;
  if (!Number.isFinite(ratio)) return '';
  const good = ratio <= EXPECTED[figure];
  if (!good) missed.push(`${scenario}: ${figure} ${ratio.toFixed(2)}, expected at most ${EXPECTED[figure]}`);
  return `${figure} ${ratio.toFixed(2)}${good ? '' : ' (MISSED)'}`;
}

for (const scenario of SCENARIOS) {
  if (values.only && scenario.name !== values.only) continue;
  const { name, rooms, size } = scenario;
  console.log(`\n${name}`);
  console.log(`  ${''.padEnd(20)} ${['packets/s', 'CPU s/M packets', 'MiB/participant', 'p50 µs', 'p99 µs', 'lost', 'in'].map((title, at) => cell(title, [10, 16, 16, 8, 8, 7, 9][at])).join(' ')}`);
  const figures = {};
  for (const server of servers) {
    const { end, joined, cpu, memory, complaints } = await under(server, scenario);
    // Every packet of a speaker or camera is to reach everybody else in its room.
    const due = end.sent * (size - 1);
    const lost = Math.max(0, 1 - end.packets / due);
    const figure = { cpu: cpu / (end.packets / 1e6), memory: memory / (rooms * size), p99: end.delayMicros.p99 };
    figures[server.name] = figure;
    console.log(`  ${server.name.padEnd(20)} ${[
      cell(number(end.packets / end.seconds, 0), 10), cell(number(figure.cpu, 2), 16), cell(number(figure.memory, 2), 16),
      cell(end.delayMicros.p50, 8), cell(end.delayMicros.p99, 8), cell(`${number(lost * 100, 1)} %`, 7),
      cell(`${joined.receiving}/${joined.expected}`, 9),
    ].join(' ')}`);
    for (const complaint of complaints.slice(0, 3)) console.log(`    ${complaint}`);
  }
  const [one, ours] = [figures['plenary, 1 worker'], figures['plenary, 2 workers']];
  if (rooms * size >= TOGETHER) {
    const scaling = 2 * one.cpu / ours.cpu;
    if (scaling < SCALING) missed.push(`${name}: two workers carry ${scaling.toFixed(2)} times what one does, expected at least ${SCALING}`);
    console.log(`  two workers with a core each carry ${scaling.toFixed(2)} times what one does${scaling < SCALING ? ' (MISSED)' : ''}`);
  }
  for (const { name: peer } of peers) {
    console.log(`  beside ${peer}: ${Object.keys(EXPECTED).map((figure) => compare(name, figure, ours[figure], figures[peer][figure])).join(', ')}`);
  }
}

if (!values.only || values.only === STORM.name) {
  console.log(`\n${STORM.name} (milliseconds from the start of each join)`);
  for (const server of servers) {
    const { end, joined } = await under(server, STORM);
    const { signalled, connected, everything } = end.join;
    const step = (title, figures) => (figures ? `${title} p50 ${number(figures.p50, 0)}, p99 ${number(figures.p99, 0)}, last ${number(figures.max, 0)}` : `${title} –`);
    console.log(`  ${server.name.padEnd(20)} ${joined.receiving}/${joined.expected} in ${number(joined.took, 1)} s (server ${number(joined.cpu, 2)} s CPU); ${step('signalled', signalled)}; ${step('connected', connected)}; ${step('hears', everything)}`);
  }
}

if (missed.length > 0) {
  console.log(`\nmissed:\n${missed.map((line) => `  ${line}`).join('\n')}`);
  if (values.check) process.exitCode = 1;
}
