import type { CallWithChatAdapter } from '@azure/communication-react';
import { useState, type FormEvent } from 'react';
import { adapterFor } from './adapter';

/** Asks for the meeting's link, the service and a name. */
export function JoinForm({ onReady }: { onReady(adapter: CallWithChatAdapter): void }) {
  const [link, setLink] = useState('');
  const [service, setService] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name)).trim();
    setBusy(true);
    try {
      onReady(await adapterFor({ service: text('service'), meetingLink: text('link'), displayName: text('name') }));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  }

  return (
    <form className="join" onSubmit={submit}>
      <h1>Join a meeting</h1>
      <label>Meeting link<input name="link" type="url" required value={link} onChange={(event) => setLink(event.target.value)} /></label>
      <label>Service<input name="service" type="url" required value={service ?? originOf(link)} onChange={(event) => setService(event.target.value)} /></label>
      <label>Your name<input name="name" required maxLength={64} autoComplete="name" /></label>
      {problem && <p role="alert">{problem}</p>}
      <button disabled={busy}>{busy ? 'Starting…' : 'Continue'}</button>
    </form>
  );
}

/** A link usually points to the service that made it. */
function originOf(link: string) {
  return URL.canParse(link) ? new URL(link).origin : '';
}
