// What every project has for itself: the imports.
import { CallClient, Features, LocalVideoStream, VideoStreamRenderer } from 'plenary-sdk';
import { ChatClient } from 'plenary-sdk/chat';
import { meet } from './meeting.js';

window.app = await meet({ CallClient, Features, LocalVideoStream, VideoStreamRenderer, ChatClient }, document.querySelector('main'));
