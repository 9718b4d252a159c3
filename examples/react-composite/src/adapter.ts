import { AzureCommunicationTokenCredential } from '@azure/communication-common';
import { createAzureCommunicationCallWithChatAdapter } from '@azure/communication-react';
import { configure } from 'plenary-sdk';
import { demoGuest } from './demo-guest';

/** What somebody says who wants to join. */
export interface Wish {
  /** Origin of the service, such as `https://meet.example.org`. */
  service: string;
  meetingLink: string;
  displayName: string;
}

/** What the library's composite shows; the call is joined later, on its configuration page. */
export async function adapterFor({ service, meetingLink, displayName }: Wish) {
  const { userId, token } = await demoGuest(service, displayName);
  // The library makes the `CallClient` itself and gives it no address: this one is for the whole page.
  configure({ endpoint: service });
  return createAzureCommunicationCallWithChatAdapter({
    endpoint: service,
    userId: { communicationUserId: userId },
    displayName,
    credential: new AzureCommunicationTokenCredential(token),
    // With a link the chat's thread comes from the call.
    locator: { meetingLink },
  });
}
