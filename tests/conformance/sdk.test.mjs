// Our SDK where there are no receive slots: LiveKit's standard way (one section per track, more of them by
// `MediaSectionsRequirement`, who is where by `mid_to_track_id`). On our engine, and on LiveKit's own server
// where there is one: LIVEKIT_SERVER, or target/livekit-server/.

import { after, before, describe, test } from 'node:test';
import { hears, sees, servePage, startBrowser, token, until } from './engine.mjs';
import { servers } from './servers.mjs';

let page;
let browser;
before(async () => {
  page = await servePage();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await page?.stop();
});

const open = async (place) => {
  const tab = await (await browser.newContext()).newPage();
  await tab.goto(`${page.origin}${place}`);
  return tab;
};

for (const { name, start, skip } of servers) {
  describe(name, { skip }, () => {
    let engine;
    before(async () => { engine = await start(); });
    after(() => engine?.stop());

    /** Somebody with livekit-client. */
    const other = async (who, room) => {
      const tab = await open('/');
      await tab.evaluate(([url, secret]) => join(url, secret), [engine.url, token(who, room)]);
      return tab;
    };

    test('our SDK and livekit-client see and hear each other, whoever comes first', async () => {
      const ada = await other('ada', 'mixed');
      const us = await open('/sdk.html');
      await us.evaluate(([url, secret]) => join(url, secret, ['ada', 'bob']), [engine.url, token('us', 'mixed')]);
      await until('connected', () => us.evaluate(() => call.state === 'Connected'));
      await sees(us, 'ada');
      await hears(us);
      await sees(ada, 'us');
      await hears(ada, 'us');
      // More than the smallest layer; how much more is the machine's to say.
      const lines = () => ada.evaluate(() => document.querySelector('video[data-owner="us"]')?.videoHeight);
      await until('a larger layer', async () => await lines() >= 360, 60_000);
      const bob = await other('bob', 'mixed');
      await sees(us, 'bob');
      await sees(bob, 'us');
      await sees(us, 'ada');
      await Promise.all([ada, us, bob].map((tab) => tab.context().close()));
    });

    test('a shared screen and its sound reach livekit-client, each under its own name', async () => {
      const ada = await other('ada', 'shared');
      const us = await open('/sdk.html');
      await us.evaluate(([url, secret]) => join(url, secret, ['ada']), [engine.url, token('us', 'shared')]);
      await hears(ada, 'us');
      await us.evaluate(() => shareScreen());
      const sources = () => ada.evaluate(async () => {
        const heard = await soundBySource();
        return Object.keys(heard).filter((source) => heard[source] > 0).sort().join();
      });
      await until('the sound of both', async () => await sources() === 'microphone,screen_share_audio');
      const lines = () => ada.evaluate(() => [...document.querySelectorAll('video')].map((video) => video.videoHeight));
      // The larger layer comes when the server's estimate has room for it.
      await until('the screen', async () => (await lines()).some((count) => count === 540 || count === 270));
      await Promise.all([ada, us].map((tab) => tab.context().close()));
    });

    test('a picture that is not shown is not sent, and is when it is', async () => {
      const ada = await other('ada', 'hidden');
      const us = await open('/sdk.html');
      await us.evaluate(([url, secret]) => join(url, secret, ['ada']), [engine.url, token('us', 'hidden')]);
      await sees(us, 'ada');
      const received = () => us.evaluate(async () => {
        let bytes = 0;
        for (const peer of peers) (await peer.getStats()).forEach((r) => { if (r.type === 'inbound-rtp' && r.kind === 'video') bytes += r.bytesReceived; });
        return bytes;
      });
      await us.evaluate(() => { document.body.hidden = true; });
      await until('nothing comes', async () => {
        const before = await received();
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        return await received() === before;
      });
      await us.evaluate(() => { document.body.hidden = false; });
      await sees(us, 'ada');
      await Promise.all([ada, us].map((tab) => tab.context().close()));
    });
  });
}

