/** Importing on a server touches neither the browser nor the wasm (`architecture`, "Inside the SDK"). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { buildOverScriptedCore, packageFolder } from './harness/facade.mjs';

const trap = `
  const forbidden = (name) => new Proxy(function () {}, {
    get(_, key) { throw new Error(name + '.' + String(key) + ' was read') },
    has(_, key) { throw new Error(name + '.' + String(key) + ' was looked for') },
    apply() { throw new Error(name + '() was called') },
    construct() { throw new Error('new ' + name + '() was called') },
  });
  delete globalThis.WebAssembly;
  for (const name of ['navigator', 'fetch', 'RTCPeerConnection', 'WebSocket', 'localStorage']) {
    Object.defineProperty(globalThis, name, { configurable: true, value: forbidden(name) });
  }
  const timers = [];
  globalThis.setTimeout = globalThis.setInterval = (...args) => { throw new Error('a timer was started') };
`;

function importing(file, use = '') {
  const code = `${trap}
    const sdk = await import(${JSON.stringify(pathToFileURL(file).href)});
    ${use}
    console.log(Object.keys(sdk).sort().join());`;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' });
}

const construct = `
  const client = new sdk.CallClient();
  const stream = new sdk.LocalVideoStream({ id: 'c', name: '', deviceType: 'UsbCamera' });
  new sdk.VideoStreamRenderer(stream);
  client.feature(sdk.Features.DebugInfo);
  sdk.configure({ endpoint: 'https://meet.example' });
`;

const folder = buildOverScriptedCore('server');
const builds = {
  'the source': { index: join(folder, 'index.js'), init: join(folder, 'init.js'), chat: join(folder, 'chat.js') },
  'the built package': { index: join(packageFolder, 'index.js'), init: join(packageFolder, 'init.js'), chat: join(packageFolder, 'chat.js') },
};

for (const [what, entries] of Object.entries(builds)) {
  const skip = existsSync(entries.index) ? false : 'not built; run `cargo xtask package`';
  test(`importing chat of ${what} and constructing touches nothing of a browser`, { skip }, () => {
    const use = "new sdk.ChatClient('https://meet.example', { getToken() {} }).getChatThreadClient('19:x@thread.v2').listMessages();";
    const { status, stdout, stderr } = importing(entries.chat, use);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^ChatClient,ChatThreadClient,RestError$/m);
  });

  for (const [entry, file] of Object.entries({ index: entries.index, init: entries.init })) {
    test(`importing ${entry} of ${what} and constructing touches nothing of a browser`, { skip }, () => {
      const { status, stdout, stderr } = importing(file, construct);
      assert.equal(status, 0, stderr);
      assert.match(stdout, /CallClient.*Features.*LocalVideoStream.*VideoStreamRenderer/);
    });
  }

  test(`the explicit entry of ${what} says what to do when it was not initialised`, { skip }, () => {
    const use = `
      const error = await new sdk.CallClient().createCallAgent({ getToken() {} }).catch((it) => it);
      if (error.code !== 500 || error.subCode !== 59204 || !/await init\\(\\)/.test(error.message)) throw error;`;
    const { status, stderr } = importing(entries.init, use);
    assert.equal(status, 0, stderr);
  });
}

test('the environment is told on a server, too', () => {
  const code = `
    const sdk = await import(${JSON.stringify(pathToFileURL(builds['the source'].index).href)});
    const info = await new sdk.CallClient().feature(sdk.Features.DebugInfo).getEnvironmentInfo();
    console.log(JSON.stringify(info));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.equal(JSON.parse(stdout).isSupportedBrowser, false);
});

const requires = process.features.require_module ? false : 'this Node does not load modules with `require`';
test('`require` gives the same modules, as the samples of ACS write it', { skip: requires || (existsSync(builds['the built package'].index) ? false : 'not built; run `cargo xtask package`') }, () => {
  const code = `const { CallClient } = require(${JSON.stringify(builds['the built package'].index)});
    const { ChatClient } = require(${JSON.stringify(builds['the built package'].chat)});
    console.log(typeof CallClient, typeof ChatClient);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=commonjs', '--eval', code], { encoding: 'utf8' });
  assert.equal(stdout.trim(), 'function function', stderr);
});
