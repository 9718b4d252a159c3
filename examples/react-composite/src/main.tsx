import './fonts';
import './icons';
import type { CallWithChatAdapter } from '@azure/communication-react';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { JoinForm } from './join-form';
import { Meeting } from './meeting';
import './page.css';

function App() {
  const [adapter, setAdapter] = useState<CallWithChatAdapter>();
  return adapter ? <Meeting adapter={adapter} /> : <JoinForm onReady={setAdapter} />;
}

createRoot(document.getElementById('root')!).render(<App />);
