import { usePolled } from '../../api/polled.ts';
import { changeUser, listUsers, removeUser } from '../../api/requests.ts';
import type { User } from '../../api/types.ts';
import { announce } from '../../app/announce.ts';
import { confirm } from '../../parts/confirm.tsx';
import { Needs } from '../../parts/needs.tsx';
import { PageHead, Section } from '../../parts/page-head.tsx';
import { Empty, WithData } from '../../parts/states.tsx';
import { Table } from '../../parts/table.tsx';
import { absent } from '../../text/format.ts';
import { RulesSection } from './rules-section.tsx';
import { UserForm } from './user-form.tsx';

const everyMs = 10_000;

export function UsersPage() {
  const polled = usePolled(listUsers, everyMs, 'users');
  return (
    <>
      <PageHead
        title="Users and rules"
        lead="Users of the cluster and the access rules. They hold on all members with the next entry of the log."
      />
      <Needs role="admin" to="see and change users">
        <Section title="Users">
          <WithData polled={polled} what="the users">
            {({ users }) =>
              users.length === 0 ? (
                <Empty title="The cluster has no users." />
              ) : (
                <UserTable users={users} refresh={polled.refresh} />
              )
            }
          </WithData>
          <UserForm refresh={polled.refresh} />
        </Section>
        <RulesSection />
      </Needs>
    </>
  );
}

function UserTable({ users, refresh }: { users: readonly User[]; refresh: () => void }) {
  return (
    <Table
      caption="Users"
      rows={users}
      rowKey={({ name }) => name}
      columns={[
        { key: 'name', head: 'User', cell: ({ name }) => name },
        { key: 'role', head: 'Role', cell: ({ role }) => role ?? absent },
        { key: 'groups', head: 'Groups', isText: true, cell: ({ groups }) => groups.join(', ') || absent },
        {
          key: 'state',
          head: 'State',
          cell: ({ disabled }) => (
            <span class={disabled ? 'mark mark-off' : 'mark mark-good'}>
              {disabled ? 'disabled' : 'enabled'}
            </span>
          ),
        },
        {
          key: 'acts',
          head: 'Change',
          cell: (user) => (
            <span class="row-acts">
              <button
                type="button"
                class="link-button"
                aria-label={`${user.disabled ? 'Enable' : 'Disable'} ${user.name}`}
                onClick={() => askToDisable(user, refresh)}
              >
                {user.disabled ? 'Enable' : 'Disable'}
              </button>
              <button
                type="button"
                class="link-button link-danger"
                aria-label={`Remove ${user.name}`}
                onClick={() => askToRemove(user, refresh)}
              >
                Remove
              </button>
            </span>
          ),
        },
      ]}
    />
  );
}

function askToDisable({ name, disabled }: User, refresh: () => void): void {
  const action = disabled ? 'Enable' : 'Disable';
  confirm({
    title: `${action} ${name}?`,
    body: (
      <p>
        {disabled
          ? `${name} can log in again.`
          : `${name} can no longer log in by password, certificate or token. Its connections are closed; its sessions stay.`}
      </p>
    ),
    action,
    isDangerous: !disabled,
    run: async () => {
      await changeUser(name, { disabled: !disabled, mode: 'change' });
      announce(`${name} was ${disabled ? 'enabled' : 'disabled'}.`);
      refresh();
    },
  });
}

function askToRemove({ name }: User, refresh: () => void): void {
  confirm({
    title: `Remove ${name}?`,
    body: (
      <p>
        The user is removed on all members, and its connections are closed. Its sessions stay until they
        expire.
      </p>
    ),
    action: 'Remove',
    isDangerous: true,
    run: async () => {
      await removeUser(name);
      announce(`${name} was removed.`);
      refresh();
    },
  });
}
