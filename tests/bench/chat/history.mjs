// A page of history of a short thread and of a long one, in a store that is full of others.

import { quantile } from '../lib/figures.mjs';
import { place, startPlenary } from './plenary.mjs';

/** Messages of the short thread, and of each long one. */
export const SMALL = 100;
const LARGE = 100_000;
/** Entries of a page. */
const PAGE = 50;
/** Pages that are read of each. */
const READ = 400;

/** Copies of a thread's newest message, so that it has `count`; of another thread, if `into` names it. */
const fill = (thread, count, into = thread) => `
  WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
  INSERT INTO chat_message (thread, id, sequence, version, created, sender, client_id, of_call, body)
  SELECT '${into}', id + n, sequence + n, version + n, created + n, sender, NULL, of_call, body
  FROM numbers, (SELECT * FROM chat_message WHERE thread = '${thread}' ORDER BY id DESC LIMIT 1) AS newest`;

const settle = (thread, count) => `
  UPDATE chat_thread SET last_id = last_id + ${count}, last_sequence = last_sequence + ${count}, last_received = last_received + ${count}
  WHERE id = '${thread}'`;

const another = (thread, name) => `
  INSERT INTO chat_thread (id, origin, topic, created, creator, metadata, retention, deleted, last_id, last_sequence, last_received, revision)
  SELECT '${name}', origin, topic, created, creator, metadata, retention, deleted, last_id, last_sequence, last_received, revision
  FROM chat_thread WHERE id = '${thread}'`;

/** Milliseconds of the median page of each; the long one is read page after page, into a fifth of its depth. */
export async function history(postgres, stored) {
  const where = await place(postgres);
  try {
    const first = await startPlenary(where);
    const [small, large] = [await first.thread(2), await first.thread(2)];
    for (const thread of [small, large]) await first.send(thread, 'That works for me, shall we begin at ten and see how far we get?');
    await first.stop();
    const id = ({ thread }) => decodeURIComponent(thread);
    where.sql(fill(id(small), SMALL));
    where.sql(settle(id(small), SMALL));
    for (let others = 1; others < stored / LARGE; others += 1) {
      const name = id(large).replace(/^19:.{4}/, `19:${String(others).padStart(4, '0')}`);
      where.sql(another(id(large), name));
      where.sql(fill(id(large), LARGE, name));
    }
    where.sql(fill(id(large), LARGE));
    where.sql(settle(id(large), LARGE));

    const service = await startPlenary(where);
    try {
      const times = { small: [], large: [] };
      let deep;
      for (let read = 0; read < READ; read += 1) {
        // One after the other, so that what disturbs the machine disturbs both.
        let begun = performance.now();
        const short = await service.page(small, PAGE);
        times.small.push(performance.now() - begun);
        begun = performance.now();
        const long = await service.page(large, PAGE, deep);
        times.large.push(performance.now() - begun);
        if (short.value.length !== PAGE || long.value.length !== PAGE) throw new Error('a page is not full');
        deep = long.nextLink;
      }
      return { small: quantile(times.small, 0.5), large: quantile(times.large, 0.5), of: LARGE };
    } finally {
      await service.stop();
    }
  } finally {
    await where.remove();
  }
}
