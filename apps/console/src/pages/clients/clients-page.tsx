import { route } from '../../app/router.ts';
import { ClientPage } from './client-page.tsx';
import { ClientList } from './client-list.tsx';

/** `#/clients` is the list and `#/clients/ID` one client with its session. */
export function ClientsPage() {
  const id = route.value.path[1];
  return id === undefined ? <ClientList /> : <ClientPage key={id} id={id} />;
}
