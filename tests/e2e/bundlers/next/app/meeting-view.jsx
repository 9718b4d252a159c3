'use client';

// A client component is rendered on the server first: importing touches nothing of a browser there.
import { useEffect, useRef } from 'react';
import { CallClient, Features, LocalVideoStream, VideoStreamRenderer } from 'plenary-sdk';
import { ChatClient } from 'plenary-sdk/chat';
import { meet } from './meeting';

export function Meeting() {
  const main = useRef(null);
  const joined = useRef(false);
  useEffect(() => {
    // In development React runs every effect twice.
    if (joined.current) return;
    joined.current = true;
    meet({ CallClient, Features, LocalVideoStream, VideoStreamRenderer, ChatClient }, main.current).then((app) => { window.app = app; });
  }, []);
  return <main ref={main} data-rendered-with={CallClient.name ? 'CallClient' : undefined} />;
}
