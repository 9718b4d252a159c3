import type { CallWithChatCompositeOptions } from '@azure/communication-react';

/** What the library offers by itself and a guest cannot do here is left out: a press would end in an error. */
export const options: CallWithChatCompositeOptions = {
  callControls: {
    raiseHandButton: false,
    reactionButton: false,
    captionsButton: false,
    realTimeTextButton: false,
    dtmfDialerButton: false,
    teamsMeetingPhoneCallButton: false,
  },
  // Nothing keeps the answers; the last page is "You left the call" instead.
  surveyOptions: { disableSurvey: true },
};
