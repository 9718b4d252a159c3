/** What is shown when a call is over: why, in words; what can be done; the numbers for whoever helps. */
import { el, icon } from './dom.js';
import { endText } from './end-texts.js';
import { problemList } from './info.js';

/** `again` (and for the console `back`) are called by the buttons; `listeners` own the log's updates. */
export function endScreen({ reason, problems, listeners, again, back }) {
  const { title, text, next, good } = endText(reason);
  const heading = el('h1', { tabindex: '-1' }, title);
  const buttons = [];
  if (again && next === 'again') buttons.push(el('button', { class: 'button primary again', type: 'button', onclick: again }, 'Join again'));
  if (again && next === 'link') buttons.push(el('button', { class: 'button primary again', type: 'button', onclick: again }, 'Try again'));
  if (back) buttons.push(el('button', { class: buttons.length > 0 ? 'button plain back' : 'button primary back', type: 'button', onclick: back }, 'Back to meetings'));
  const element = el('div', { class: 'screen narrow center' },
    el('section', { class: 'card end', 'data-code': reason?.code ?? 0, 'data-sub-code': reason?.subCode ?? 0 },
      el('span', { class: good ? 'sign' : 'sign bad', 'aria-hidden': 'true' }, icon(good ? 'check' : 'warning')),
      heading, el('p', {}, text),
      el('div', { class: 'row' }, buttons),
      el('details', { class: 'small quiet' },
        el('summary', {}, 'Details'),
        el('p', {}, 'Code ', el('span', { class: 'code' }, `${reason?.code ?? 0}/${reason?.subCode ?? 0}`), reason?.message ? `: ${reason.message}` : ''),
        problemList(problems, listeners))));
  return { element, focus: () => heading.focus(), title };
}
