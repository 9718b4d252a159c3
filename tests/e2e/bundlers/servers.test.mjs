// The kinds of web app that take long to install and build, and the servers that developers work with
// (`cargo xtask soak bundlers`). What is quick is in `../bundlers.test.mjs`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
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
