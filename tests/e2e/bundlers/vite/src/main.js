// The whole API beside the imports of the other projects: here the invariants of `acs-api` 2.1 are checked
// on the package as it is shipped.
import * as sdk from 'plenary-sdk';
import { ChatClient } from 'plenary-sdk/chat';
import { createIdentifierFromRawId, getIdentifierRawId } from '@azure/communication-common';
import { checkAfterEnd, checkWhileConnected, watch } from './invariants.page.mjs';
import { meet } from './meeting.js';

const common = { createIdentifierFromRawId, getIdentifierRawId };
const main = document.querySelector('main');

/** A client of its own keeps the core alive, so that it can be counted after the call's. */
const watching = new sdk.CallClient();
window.counters = () => watching.feature(sdk.Features.DebugInfo).getCounters();
await watching.getDeviceManager();

/** Also once more, after the end. */
window.join = async () => {
  main.replaceChildren();
  const app = await meet({ ...sdk, ChatClient }, main, (agent) => watch(sdk, agent));
  window.app = Object.assign(app, {
    whileConnected: () => checkWhileConnected(sdk, { ...app, deviceManager: app.devices, common }),
    afterEnd: () => checkAfterEnd(sdk, { ...app, common }),
  });
};
await window.join();
