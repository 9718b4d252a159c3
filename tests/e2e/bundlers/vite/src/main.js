// The whole API beside the imports of the other projects: here the invariants of `acs-api` 2.1 are checked
// on the package as it is shipped.
import * as sdk from 'plenary-sdk';
import { ChatClient } from 'plenary-sdk/chat';
import { createIdentifierFromRawId, getIdentifierRawId } from '@azure/communication-common';
import { checkAfterEnd, checkWhileConnected, watch } from './invariants.page.mjs';
import { meet } from './meeting.js';

const app = await meet({ ...sdk, ChatClient }, document.querySelector('main'), (agent) => watch(sdk, agent));

const common = { createIdentifierFromRawId, getIdentifierRawId };
window.app = Object.assign(app, {
  whileConnected: () => checkWhileConnected(sdk, { ...app, deviceManager: app.devices, common }),
  afterEnd: () => checkAfterEnd(sdk, { ...app, common }),
});
