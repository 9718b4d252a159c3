import { meet } from './meeting.js';

// The script tag before this one has defined it, chat included.
window.app = await meet(window.Plenary, document.querySelector('main'));
