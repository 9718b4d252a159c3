import { CallClient, Features, LocalVideoStream, VideoStreamRenderer } from './node_modules/plenary-sdk/index.js';
import { ChatClient } from './node_modules/plenary-sdk/chat.js';
import { meet } from './meeting.js';

window.app = await meet({ CallClient, Features, LocalVideoStream, VideoStreamRenderer, ChatClient }, document.querySelector('main'));
