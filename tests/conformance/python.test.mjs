// LiveKit's SDK for Python (PyPI's `livekit`, libwebrtc inside): both of its ways to connect, against each
// server. PYTHON_LIVEKIT is a Python that has it; without one these tests are skipped.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { token, until } from './engine.mjs';
import { servers } from './servers.mjs';

const CLIENT = fileURLToPath(new URL('python/client.py', import.meta.url));
const python = process.env.PYTHON_LIVEKIT;
const MISSING = "PyPI's `livekit` is not there: it takes Python 3.9 with venv, and PyPI (or set PYTHON_LIVEKIT)";

/** A Python process in which people join rooms. */
function startPython() {
  const child = spawn(python, [CLIENT], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map();
  let last = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, error, is } = JSON.parse(line);
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error));
    else resolve(is);
  });
  child.once('exit', (code) => waiting.forEach(({ reject }) => reject(new Error(`Python ended with ${code}`))));
  const ask = (request) =>
    new Promise((resolve, reject) => {
      const id = (last += 1);
      waiting.set(id, { resolve, reject });
      child.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  return {
    ask,
    stop: () => new Promise((resolve) => { child.once('exit', resolve).kill('SIGKILL'); }),
  };
}

// A suite that is skipped is not counted; a test is.
if (!python) test("LiveKit's SDK for Python", { skip: MISSING });

for (const { name, start, skip, lacks } of python ? servers : []) {
  describe(name, { skip }, () => {
    let engine;
    let snake;
    before(async () => {
      engine = await start();
      snake = startPython();
    });
    after(async () => {
      await snake?.stop();
      await engine?.stop();
    });

    const look = (who) => snake.ask({ do: 'look', who });

    async function seesAndHears(who, other) {
      const then = await look(who);
      const more = (now, kind, by) => (now[kind][other] ?? 0) > (then[kind][other] ?? 0) + by;
      await until(`${other} to be seen and heard by ${who}`, async () => {
        const now = await look(who);
        return more(now, 'frames', 5) && more(now, 'sounds', 20);
      });
    }

    for (const [version, single] of [['v1', true], ['v0', false]]) {
      const people = ['ada', 'bob', 'cid'].map((who) => `${who}-${version}`);
      const [ada, bob, cid] = people;
      const [red, blue] = [`red ${version}`, `blue ${version}`];
      const colours = { [ada]: 60, [bob]: 128, [cid]: 196 };
      const join = (who, room) =>
        snake.ask({
          do: 'join', who, url: engine.url, token: token(who, room, { canPublishData: true }), single, colour: colours[who],
        });

      test(`${version}: two see and hear each other, and data arrives`, async () => {
        await join(ada, red);
        await join(bob, red);
        await seesAndHears(ada, bob);
        await seesAndHears(bob, ada);
        for (const reliable of [true, false]) {
          await snake.ask({ do: 'say', who: ada, text: `reliable: ${reliable}`, topic: 'weather', reliable });
        }
        await until('both messages', async () => (await look(bob)).said.length >= 2);
        assert.deepEqual((await look(bob)).said.sort(), [
          [ada, 'weather', 'reliable: false'],
          [ada, 'weather', 'reliable: true'],
        ]);
      });

      test(`${version}: one is moved, and comes back`, { skip: lacks.moves }, async () => {
        await join(cid, blue);
        for (const [from, to, met, left] of [[red, blue, cid, ada], [blue, red, ada, cid]]) {
          const moved = await engine.call(
            'MoveParticipant',
            { room: from, identity: bob, destinationRoom: to },
            { destinationRoom: to },
          );
          assert.equal(moved.status, 200);
          await until('the move', async () => (await look(bob)).room === to);
          await seesAndHears(bob, met);
          await seesAndHears(met, bob);
          const { others, frames } = await look(bob);
          assert.deepEqual(others, [met]);
          await seesAndHears(bob, met);
          assert.equal((await look(bob)).frames[left], frames[left], 'nothing of the room that was left');
        }
        assert.equal((await look(bob)).moves, 2);
        await snake.ask({ do: 'leave', who: cid });
      });

      test(`${version}: who leaves is gone for the others`, async () => {
        await snake.ask({ do: 'leave', who: bob });
        await until('bob to be gone', async () => (await look(ada)).others.length === 0);
        await snake.ask({ do: 'leave', who: ada });
      });
    }
  });
}
