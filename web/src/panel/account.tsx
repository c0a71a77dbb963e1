/** Lets those sign out who signed in. */
import { useApp } from '../app.ts';
import { t } from '../messages/index.ts';
import { signOut } from '../service/api.ts';
import { BASE } from '../service/connection.ts';
import { IconButton } from './parts.tsx';

export function SignOut() {
  const caller = useApp().state.service.value?.caller;
  if (!caller?.signed_in) return null;
  const label = t.panel.signOut(caller.name);
  return (
    <IconButton
      icon="leave"
      size={19}
      label={label}
      title={label}
      data-testid="sign-out"
      onClick={() => signOut().then(() => location.assign(`${BASE}/session`))}
    />
  );
}
