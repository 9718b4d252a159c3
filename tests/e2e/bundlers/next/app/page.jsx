import { Meeting } from './meeting-view';

// Rendered for every request, so that the server has to import the SDK each time it is started.
export const dynamic = 'force-dynamic';

export default function Page() {
  return <Meeting />;
}
