// The kinds of web app that take long to install and build, and the servers that developers work with
// (`cargo xtask soak bundlers`). What is quick is in `../bundlers.test.mjs`.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../harness/service.mjs';
import { openWatched, Person } from '../lib/person.mjs';
import { until } from '../lib/until.mjs';
import { Meeting } from './meeting.mjs';
import { build, pack, serve } from './project.mjs';

for (const kind of ['vite-dev', 'parcel', 'next', 'next-webpack', 'next-dev']) {
  test(`the_packed_package_holds_a_meeting_in_${kind}`, async (t) => {
    const project = await build(t, kind, await pack(t));
    const origin = await serve(t, kind, project);
    if (kind.startsWith('next')) {
      const rendered = await (await fetch(origin)).text();
      assert.match(rendered, /data-rendered-with="CallClient"/, 'the server rendered what imports the SDK');
    }
    const meeting = await Meeting.start(t, kind);
    await meeting.leave(await meeting.join(kind, origin));
    await meeting.ada.nothingToComplain();
  });
}

test('what_docs_quick_start_says_for_vite_holds_a_meeting', async (t) => {
  const project = await build(t, 'vite-dev', await pack(t));
  const meeting = await Meeting.start(t, 'Quick start');
  const page = await readFile(join(ROOT, 'docs/quick-start.md'), 'utf8');
  const [, source] = /## Vite[\s\S]*?^```js\n([\s\S]*?)^```$/m.exec(page);
  await writeFile(join(project, 'src/main.js'), source.replace('http://127.0.0.1:8080', meeting.service.origin));
  const answer = join(project, 'answer.js');
  await writeFile(answer, `window.prompt = () => ${JSON.stringify(meeting.link)};`);

  const guest = new Person('Ada', await openWatched(meeting.browser, await serve(t, 'vite-dev', project), { scripts: [answer] }));
  await until('Ada waits', async () => await guest.page.title() === 'InLobby');
  await meeting.ada.admit('Ada');
  await until('Ada is in', async () => await guest.page.title() === 'Connected');
  const picture = () => guest.page.evaluate(() => window.__watch.picture(document.querySelector('video')));
  const first = await until('Ada sees a picture', picture);
  await until('it moves', async () => ![first, ''].includes(await picture()));
  await Promise.all([guest.hears(), meeting.ada.hears(), meeting.ada.sees('Ada')]);
  await guest.nothingToComplain(/favicon\.ico/);
});
