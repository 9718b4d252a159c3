// Sharing a screen (C1): a button, a large picture for the others with the tab's sound, and the end of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium } from './harness/browser.mjs';
import { Service } from './harness/service.mjs';
import { Guest } from './lib/guest.mjs';
import { Organiser } from './lib/organiser.mjs';
import { until } from './lib/until.mjs';

/** What a test shares: a tab of its own, with pictures that move and a tone. */
const TITLE = 'Slides of the day';
const BROWSER = {
  flags: [`--auto-select-tab-capture-source-by-title=${TITLE}`, '--use-fake-device-for-media-stream=fps=10'],
  // It would pick a screen of its own invention, which nobody can close.
  without: ['--use-fake-ui-for-media-stream'],
  audible: true,
};
/** Energy of the tab's tone for half a second. What is left of a microphone that was just muted is a tenth of it. */
const A_TONE = 0.05;

/** A tab that can be picked, in the browser of whoever shares. */
async function openSlides(person, origin) {
  const page = await person.page.context().newPage();
  await page.goto(`${origin}/healthz`);
  await page.evaluate((title) => {
    document.title = title;
    document.body.textContent = '';
    const canvas = document.body.appendChild(document.createElement('canvas'));
    [canvas.width, canvas.height] = [960, 540];
    const context = canvas.getContext('2d');
    let at = 0;
    setInterval(() => {
      at += 1;
      context.fillStyle = '#fff';
      context.fillRect(0, 0, 960, 540);
      context.fillStyle = '#04c';
      context.fillRect((at * 40) % 960, 100, 200, 300);
    }, 100);
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    tone.connect(audio.destination);
    tone.start();
  }, TITLE);
  await person.page.bringToFront();
  return page;
}

/** The large picture shows something that moves. */
async function seesScreen(person, who) {
  const video = person.page.locator('.shared video');
  await video.waitFor({ state: 'attached' });
  const picture = () => video.evaluate((element) => window.__watch.picture(element));
  const first = await until(`${person.name} sees the screen of ${who}`, picture);
  await until(`the screen of ${who} moves for ${person.name}`, async () => {
    const now = await picture();
    return now && now !== first;
  });
  const [shared, stage] = await Promise.all(['.shared', '.stage'].map((selector) => person.page.locator(selector).boundingBox()));
  assert.ok(shared.width * shared.height > 2 * stage.width * stage.height, 'the screen is larger than the tiles');
}

async function seesNoScreen(person) {
  await until(`${person.name} sees no shared screen`, () => person.page.locator('.shared').isHidden());
}

const share = (person) => person.page.locator('.controls .share').click();
const sharing = (person) => person.page.locator('.notice.sharing');

test('a_shared_screen_is_large_for_the_others_and_ends_as_it_began (C1)', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t, BROWSER);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Slides', { bypass: true });
  await ada.start('Slides');
  const grete = await Guest.join(browser, link, 'Grete Gast');
  await grete.inMeeting();
  await Promise.all([ada.sees('Grete Gast'), grete.sees(ada.name)]);
  await openSlides(grete, service.origin);

  await share(grete);
  await sharing(grete).waitFor();
  await seesScreen(ada, 'Grete Gast');
  await t.test('beside the camera, which goes on', () => ada.sees('Grete Gast'));

  await t.test('with the sound of the tab', async () => {
    await grete.setMuted(true);
    // The microphone is silent: what is heard now is the tab's.
    await ada.hears(A_TONE);
    await grete.setMuted(false);
  });

  await t.test('its owner stops it, and can share again', async () => {
    await sharing(grete).getByRole('button', { name: 'Stop sharing' }).click();
    await seesNoScreen(ada);
    await sharing(grete).waitFor({ state: 'hidden' });
    await share(grete);
    await seesScreen(ada, 'Grete Gast');
  });

  await t.test('a tab that is closed ends it', async () => {
    await grete.page.context().pages().at(-1).close();
    await seesNoScreen(ada);
    await sharing(grete).waitFor({ state: 'hidden' });
  });

  await t.test('it ends with the call', async () => {
    await openSlides(grete, service.origin);
    await share(grete);
    await seesScreen(ada, 'Grete Gast');
    await grete.leave();
    await seesNoScreen(ada);
    assert.equal((await grete.open()).tracks, 0, 'nothing is captured any more');
  });
  await ada.nothingToComplain();
  await grete.nothingToComplain();
});

test('both_can_share_and_the_newest_is_shown (C1)', async (t) => {
  const service = await Service.start(t);
  const browser = await startChromium(t, BROWSER);
  const ada = await Organiser.signIn(browser, service);
  const link = await ada.schedule('Two screens', { bypass: true });
  await ada.start('Two screens');
  const grete = await Guest.join(browser, link, 'Grete Gast');
  await grete.inMeeting();
  await Promise.all([ada.sees('Grete Gast'), grete.sees(ada.name)]);
  for (const person of [ada, grete]) await openSlides(person, service.origin);
  await share(ada);
  await seesScreen(grete, ada.name);
  await share(grete);
  await seesScreen(ada, 'Grete Gast');
  await share(ada);
  await seesNoScreen(grete);
  await ada.nothingToComplain();
  await grete.nothingToComplain();
});
