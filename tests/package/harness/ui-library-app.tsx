// What an organiser's page is made of with Microsoft's UI library: the composite, and our lobby beside it.
// The imports of the calling package are resolved to ours; compiled by ui-library.test.mjs.
import { AzureCommunicationTokenCredential, type CommunicationUserIdentifier } from '@azure/communication-common';
import type { CallAgent } from '@azure/communication-calling';
import {
  CallWithChatComposite, createAzureCommunicationCallAdapterFromClient, createAzureCommunicationCallWithChatAdapter,
  createStatefulCallClient, type CallWithChatAdapter, type StatefulCallClient,
} from '@azure/communication-react';

export async function meet(userId: CommunicationUserIdentifier, token: string, endpoint: string, meetingLink: string): Promise<CallWithChatAdapter> {
  const credential = new AzureCommunicationTokenCredential(token);
  const client: StatefulCallClient = createStatefulCallClient({ userId });
  const agent: CallAgent = await client.createCallAgent(credential, { displayName: 'Ada' });
  await createAzureCommunicationCallAdapterFromClient(client, agent, { meetingLink });
  for (const waiting of agent.calls[0]?.lobby?.participants ?? []) await agent.calls[0]?.lobby?.admit(waiting.identifier);
  return createAzureCommunicationCallWithChatAdapter({ userId, displayName: 'Ada', credential, endpoint, locator: { meetingLink } });
}

export const page = (adapter: CallWithChatAdapter) => <CallWithChatComposite adapter={adapter} />;
