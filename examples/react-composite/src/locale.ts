/** The library's texts, where Plenary does not do what they say: moves to and from breakout rooms do not wait. */
import { COMPOSITE_LOCALE_EN_US } from '@azure/communication-react';

const { component, strings } = COMPOSITE_LOCALE_EN_US;
const close = { dismissButtonAriaLabel: 'Close' };

export const locale = {
  ...COMPOSITE_LOCALE_EN_US,
  component: {
    ...component,
    strings: {
      ...component.strings,
      notificationStack: {
        ...component.strings.notificationStack,
        assignedBreakoutRoomOpened: { ...close, title: 'We are moving you to your breakout room' },
        assignedBreakoutRoomChanged: { ...close, title: 'Your breakout room has changed', message: 'We are moving you there.' },
        assignedBreakoutRoomClosed: { ...close, title: 'Your breakout room has closed', message: 'We are moving you back to the main meeting.' },
      },
    },
  },
  strings: {
    ...strings,
    call: { ...strings.call, configurationPageTitle: 'Join the meeting', startCallButtonLabel: 'Join' },
  },
};
