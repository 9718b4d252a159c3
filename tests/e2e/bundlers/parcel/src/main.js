// What every project has for itself: the imports.
import { CallClient, LocalVideoStream, VideoStreamRenderer } from 'plenary-sdk';
import { ChatClient } from 'plenary-sdk/chat';
import { meet } from './meeting.js';

window.app = await meet({ CallClient, LocalVideoStream, VideoStreamRenderer, ChatClient }, document.querySelector('main'));
