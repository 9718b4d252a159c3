/** Why chat did not do something, in words (RestError of the SDK). */

/** The thread is not the user's: before, after, or not at all (D1, B7). */
export const isRefusal = (error) => error?.statusCode === 403 || error?.statusCode === 401;

export function chatReason(error) {
  if (error?.code === 'ParticipantLimitReached') return 'This chat has as many people as it may have, so that you cannot write in it.';
  if (error?.code === 'ThreadTooLarge') return 'There are too many people in this chat for that.';
  if (error?.statusCode === 413) return 'It is longer than the service allows.';
  if (error?.statusCode === 403) return 'You may not write in this chat, or not any more.';
  if (error?.statusCode === 401) return 'Your access has run out.';
  if (error?.statusCode === 404) return 'It is not there any more.';
  if (error?.statusCode === 429) return 'There were too many messages in a short time.';
  return error?.message ?? 'Something unexpected happened.';
}
