/** The form that schedules a meeting (`POST /v1.0/me/onlineMeetings`). */
import { el } from '/shared/dom.js';
import { post } from '/shared/requests.js';
import { formError } from '/shared/start.js';

const HALF_HOUR_MS = 30 * 60 * 1000;

/** Local time in the form that `datetime-local` has. */
function local(date) {
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

function field(id, label, input) {
  input.id = id;
  input.name = id;
  return el('div', { class: 'field' }, el('label', { for: id }, label), input);
}

/** `made(meeting)` gets the new one; `accessToken()` gives a bearer token. */
export function scheduleForm({ accessToken, made }) {
  const now = Math.ceil(Date.now() / HALF_HOUR_MS) * HALF_HOUR_MS;
  const subject = el('input', { required: true, maxlength: '255', autocomplete: 'off', placeholder: 'Weekly round' });
  const begin = el('input', { type: 'datetime-local', required: true });
  const finish = el('input', { type: 'datetime-local', required: true });
  begin.value = local(new Date(now));
  finish.value = local(new Date(now + 2 * HALF_HOUR_MS));
  const bypass = el('select', {},
    el('option', { value: 'organization' }, 'Guests wait to be let in'),
    el('option', { value: 'everyone' }, 'Nobody waits'));
  const error = el('p', { class: 'form-error', role: 'alert', hidden: true });
  const button = el('button', { class: 'button primary wide schedule', type: 'submit' }, 'Schedule');

  // Moving the start keeps the length.
  let length = Date.parse(finish.value) - Date.parse(begin.value);
  begin.addEventListener('change', () => {
    if (begin.value && length > 0) finish.value = local(new Date(Date.parse(begin.value) + length));
  });
  finish.addEventListener('change', () => { length = Date.parse(finish.value) - Date.parse(begin.value); });

  const submit = async (event) => {
    event.preventDefault();
    if (Date.parse(finish.value) <= Date.parse(begin.value)) {
      formError(error, 'The end must be after the start.');
      finish.focus();
      return;
    }
    formError(error, '');
    button.disabled = true;
    try {
      const meeting = await post('/v1.0/me/onlineMeetings', {
        subject: subject.value.trim(),
        startDateTime: new Date(begin.value).toISOString(),
        endDateTime: new Date(finish.value).toISOString(),
        lobbyBypassSettings: { scope: bypass.value },
        joinMeetingIdSettings: { isPasscodeRequired: true },
      }, await accessToken());
      // Resetting the form forgets that the field was touched, too: an empty one is no mistake yet.
      const [begun, ends, scope] = [begin.value, finish.value, bypass.value];
      event.target.reset();
      [begin.value, finish.value, bypass.value] = [begun, ends, scope];
      made(meeting);
    } catch (failure) {
      formError(error, failure.message);
    } finally {
      button.disabled = false;
    }
  };

  return el('form', { class: 'card stack', onsubmit: submit, 'aria-labelledby': 'schedule-title' },
    el('h2', { id: 'schedule-title' }, 'New meeting'), error,
    field('subject', 'Subject', subject),
    el('div', { class: 'pair' }, field('start', 'Start', begin), field('end', 'End', finish)),
    field('bypass', 'Lobby', bypass), button);
}
