// What the pages compute, without a browser: where tiles go, and what people are told at the end.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

/** A module of www/shared that imports nothing. */
async function pageModule(name) {
  const text = await readFile(new URL(`../../www/shared/${name}`, import.meta.url), 'utf8');
  return import(`data:text/javascript,${encodeURIComponent(text)}`);
}

test('tiles_fit_their_box_and_keep_a_sensible_shape', async () => {
  const { capacity, tileSize } = await pageModule('layout.js');
  for (const [width, height] of [[1400, 700], [360, 560], [800, 300], [2500, 1300]]) {
    for (let count = 1; count <= 25; count += 1) {
      const tile = tileSize(count, width, height, 8);
      const rows = Math.ceil(count / tile.columns);
      const what = `${count} in ${width}×${height}: ${JSON.stringify(tile)}`;
      assert.ok(tile.width > 0 && tile.height > 0, what);
      assert.ok(tile.columns * tile.width + (tile.columns - 1) * 8 <= width, what);
      assert.ok(rows * tile.height + (rows - 1) * 8 <= height, what);
      assert.ok(tile.width / tile.height < 1.9 && tile.width / tile.height > 0.7, what);
    }
  }
  assert.ok(capacity(360, 560) < capacity(1400, 700));
});

test('more_people_never_get_larger_tiles', async () => {
  const { tileSize } = await pageModule('layout.js');
  let last = Infinity;
  for (let count = 1; count <= 25; count += 1) {
    const { width, height } = tileSize(count, 1400, 700, 8);
    assert.ok(width * height <= last);
    last = width * height;
  }
});

test('a_countdown_is_read_as_a_clock_and_never_runs_below_nothing (E12)', async () => {
  const { clockText } = await pageModule('clock-text.js');
  assert.deepEqual([0, 1, 1000, 59_001, 600_000, 3_729_000, -5000].map(clockText), ['0:00', '0:01', '0:01', '1:00', '10:00', '1:02:09', '0:00']);
});

test('every_end_reason_of_joining_has_words_of_its_own (end-codes)', async () => {
  const { endText } = await pageModule('end-texts.js');
  const reasons = [[0, 0], [0, 4097], [0, 5300], [403, 5854], [408, 5855], [404, 5751], [400, 59010], [403, 59020], [403, 59030],
    [403, 59040], [503, 59050], [400, 59060], [400, 59061], [400, 59062], [401, 10009], [401, 59100], [503, 59110], [503, 59111],
    [429, 59130], [410, 59140], [410, 59141], [496, 7], [410, 301005]];
  const fallback = endText({ code: 299, subCode: 1 });
  for (const [code, subCode] of reasons) {
    const { title, text } = endText({ code, subCode });
    assert.notEqual(title, fallback.title, `${code}/${subCode}`);
    assert.ok(text.length > 10, `${code}/${subCode}`);
  }
  assert.equal(endText({ code: 0, subCode: 0 }).good, true);
  assert.equal(endText({ code: 403, subCode: 5854 }).good, false);
  assert.equal(endText(undefined).title, 'You left the meeting');
});
