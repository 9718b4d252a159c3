// Browsers with fake devices: Chromium by Playwright, Firefox by Puppeteer over WebDriver BiDi.

import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

/** Devices without hardware, permissions without a dialog, and nothing that calls home. */
const CHROMIUM_FLAGS = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const FIREFOX_PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  // A page without a lasting permission is offered no candidate of the loopback interface.
  'permissions.default.camera': 1,
  'permissions.default.microphone': 1,
  'media.autoplay.default': 0,
  // Candidates without mDNS names, which nobody resolves here.
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.peerconnection.ice.loopback': true,
};

/**
 * A Chromium that closes with the test.
 * @param {import('node:test').TestContext} t
 * @param {{ flags?: string[], without?: string[], audible?: boolean, executablePath?: string }} [options] further flags;
 * usual ones that are left out; whether tabs give sound, which otherwise nobody hears, nor captures; another program
 */
export async function startChromium(t, { flags = [], without = [], audible = false, executablePath } = {}) {
  const browser = await chromium.launch({
    // Without it Playwright looks for its own.
    executablePath: executablePath ?? process.env.CHROMIUM,
    args: [...CHROMIUM_FLAGS.filter((flag) => !without.includes(flag)), ...flags],
    ignoreDefaultArgs: audible ? ['--mute-audio'] : [],
  });
  t.after(() => browser.close());
  return browser;
}

/**
 * A page of a person of their own: own storage, camera and microphone allowed. What the page logs as
 * an error or throws is in `page.complaints`.
 * @param {import('playwright-core').Browser} browser
 * @param {string} [url]
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext(options);
  await context.grantPermissions(['camera', 'microphone']);
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    if (message.type() === 'error') page.complaints.push(`${message.text()} (${message.location().url})`);
  });
  if (url) await page.goto(url);
  return page;
}

/**
 * A Firefox that closes with the test; where there is none the test is skipped and this gives nothing.
 * @param {import('node:test').TestContext} t
 */
export async function startFirefox(t) {
  if (!process.env.FIREFOX) {
    t.skip('there is no Firefox; install one or set FIREFOX to it');
    return undefined;
  }
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX,
    headless: true,
    // Its first start makes a profile.
    timeout: 90_000,
    extraPrefsFirefox: FIREFOX_PREFERENCES,
  });
  t.after(() => browser.close());
  return browser;
}
