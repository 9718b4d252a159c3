/** What is shown between Join and the meeting: connecting, or the lobby. */
import { el, icon, setText } from './dom.js';

const TEXTS = {
  connecting: ['Connecting…', 'This takes a moment.'],
  lobby: ['Waiting to be let in', 'Somebody in the meeting has been told that you are here. You can change camera and microphone while you wait. Nobody sees or hears you yet, and the chat is there once you are let in.'],
};

export class Waiting {
  constructor(leave) {
    this.title = el('h1', { tabindex: '-1' });
    this.text = el('p', { class: 'quiet' });
    this.button = el('button', { class: 'button plain wide leave', type: 'button', onclick: leave }, icon('leave'), 'Leave');
    this.element = el('section', { class: 'card waiting', 'aria-live': 'polite' },
      el('div', { class: 'dots', 'aria-hidden': 'true' }, el('i'), el('i'), el('i')), this.title, this.text, this.button);
  }

  /** `phase` is `connecting` or `lobby`. */
  show(phase) {
    this.element.dataset.phase = phase;
    setText(this.title, TEXTS[phase][0]);
    setText(this.text, TEXTS[phase][1]);
  }
}
