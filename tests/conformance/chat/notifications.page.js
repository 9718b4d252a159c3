// Runs in the browser: Microsoft's chat client, bundled and unchanged, and what it hears.

import { ChatClient } from '@azure/communication-chat';
import { AzureCommunicationTokenCredential } from '@azure/communication-common';

const EVENTS = [
  'chatMessageReceived', 'chatMessageEdited', 'chatMessageDeleted', 'typingIndicatorReceived',
  'readReceiptReceived', 'chatThreadCreated', 'chatThreadPropertiesUpdated', 'chatThreadDeleted',
  'participantsAdded', 'participantsRemoved',
];

/** The client's connections, so that a test can cut them as a proxy would. */
const sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    sockets.push(this);
  }
};

/** Everything that was heard, in its order; dates as dates' texts. */
const heard = [];
let client;

window.chat = {
  heard,
  client: () => client,
  async start(origin, token) {
    client = new ChatClient(origin, new AzureCommunicationTokenCredential(token));
    for (const name of ['realTimeNotificationConnected', 'realTimeNotificationDisconnected']) {
      client.on(name, () => heard.push({ name }));
    }
    await client.startRealtimeNotifications();
    for (const name of EVENTS) {
      client.on(name, (event) => {
        const dates = Object.entries(event).filter(([, value]) => value instanceof Date);
        heard.push({ name, dates: dates.map(([key]) => key), ...JSON.parse(JSON.stringify(event)) });
      });
    }
  },
  cut: () => sockets.forEach((socket) => socket.close()),
  stop: () => client.stopRealtimeNotifications(),
};
