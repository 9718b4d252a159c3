import { CallWithChatComposite, type CallWithChatAdapter } from '@azure/communication-react';
import { useSyncExternalStore } from 'react';
import { locale } from './locale';
import { options } from './options';
import { RoomNotice } from './room-notice';

const narrow = matchMedia('(max-width: 600px)');

/** Everything from the configuration page to the last is the library's, but for one notice. */
export function Meeting({ adapter }: { adapter: CallWithChatAdapter }) {
  const mobile = useSyncExternalStore(
    (changed) => {
      narrow.addEventListener('change', changed);
      return () => narrow.removeEventListener('change', changed);
    },
    () => narrow.matches,
  );
  return (
    <>
      <CallWithChatComposite adapter={adapter} locale={locale} options={options} formFactor={mobile ? 'mobile' : 'desktop'} />
      <RoomNotice adapter={adapter} />
    </>
  );
}
