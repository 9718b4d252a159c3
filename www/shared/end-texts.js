/**
 * What a person is told when a call is over. The numbers are those of `call.callEndReason`; a text
 * per sub-code, else per code.
 */

const BY_SUB_CODE = {
  0: ['You left the meeting', 'You can join again at any time with the same link.', 'again'],
  4097: ['The meeting has ended', 'Somebody who organises it ended it for everyone.', 'again'],
  5000: ['You were removed from the meeting', 'Somebody who organises it removed you. You can ask to be let in again.', 'again'],
  5003: ['The meeting has ended', 'Nobody is in it any more.', 'again'],
  5300: ['You were removed from the meeting', 'Somebody who organises it removed you. You can ask to be let in again.', 'again'],
  5751: ['This meeting was not found', 'The meeting id or its passcode is wrong. Check the link with whoever sent it to you.', 'link'],
  5854: ['You were not let in', 'Somebody in the meeting turned your request down. You can ask again.', 'again'],
  5855: ['Nobody let you in', 'You waited for a long time and nobody in the meeting answered. You can ask again.', 'again'],
  59010: ['This is not a meeting link', 'Check the link with whoever sent it to you: it must be copied whole.', 'link'],
  59020: ['Guests cannot join', 'This organisation does not let guests join its meetings.', 'none'],
  59030: ['Guests cannot join', 'This organisation does not let guests of this application join its meetings.', 'none'],
  59040: ['Guests cannot join', 'The organiser of this meeting may not invite guests.', 'none'],
  59050: ['Too many people are waiting', 'The lobby is full. Try again in a moment.', 'again'],
  59060: ['This link does not work here', 'It is the link of a personal meeting.', 'link'],
  59061: ['This link does not work here', 'It is the link of a government cloud.', 'link'],
  59062: ['This link does not work here', 'It is the link of a live event.', 'link'],
  59100: ['Your access was withdrawn', 'Your token is no longer valid. Join again to get another one.', 'again'],
  59110: ['The meeting is full', 'Try again when somebody has left.', 'again'],
  59111: ['The meeting is full', 'Try again when somebody has left.', 'again'],
  59120: ['You may not do that here', 'Only a member who organises the meeting may.', 'again'],
  59130: ['Too many attempts', 'Wait a moment before you try again.', 'again'],
  59140: ['This browser cannot hold meetings', 'It has no WebRTC, or it is switched off. Use a current Chrome, Edge, Firefox or Safari.', 'none'],
  59141: ['This page needs https', 'Without it the browser gives no camera and no microphone.', 'none'],
};

const BY_CODE = {
  0: ['The meeting is over for you', 'You can join again with the same link.', 'again'],
  400: ['This meeting could not be joined', 'Check the link with whoever sent it to you.', 'link'],
  401: ['Your access has run out', 'Join again to get new access.', 'again'],
  403: ['You cannot join this meeting', 'It does not let you in. Ask whoever sent you the link.', 'again'],
  404: ['This meeting was not found', 'Check the link with whoever sent it to you.', 'link'],
  408: ['That took too long', 'The service did not answer in time. Try again.', 'again'],
  410: ['The connection was lost', 'Sound and picture could not be set up or were lost. Check your network and join again.', 'again'],
  490: ['The connection was lost', 'Check your network and join again.', 'again'],
  495: ['Your access has run out', 'Join again to get new access.', 'again'],
  496: ['The connection was lost', 'Check your network and join again.', 'again'],
  500: ['Something went wrong', 'The meeting service had an error. Try again.', 'again'],
  503: ['The service is busy', 'Try again in a moment.', 'again'],
};

/** `{title, text, next, good}`: `next` is what to offer, `good` whether nothing went wrong. */
export function endText({ code = 0, subCode = 0 } = {}) {
  const found = (subCode !== 0 || code === 0 ? BY_SUB_CODE[subCode] : undefined)
    ?? BY_CODE[code] ?? ['The meeting is over for you', 'Something unexpected ended it. You can join again.', 'again'];
  const [title, text, next] = found;
  return { title, text, next, good: code === 0 && (subCode === 0 || subCode === 4097 || subCode === 5003) };
}
