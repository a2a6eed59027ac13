import { role, includesRole } from '../../api/authorization.ts';
import { apiPrefix } from '../../api/transport.ts';
import { members, overview, overviewError, refreshOverview } from '../../app/overview.ts';
import { Needs } from '../../parts/needs.tsx';
import { PageHead, Section } from '../../parts/page-head.tsx';
import { Failed, Loading } from '../../parts/states.tsx';
import { AddMember } from './add-member.tsx';
import { MemberActions } from './member-actions.tsx';
import { SettingsSection } from './settings-section.tsx';

export function ClusterPage() {
  const isKnown = overview.value !== null;
  return (
    <>
      <PageHead
        title="Cluster"
        lead="Members, the leader and the settings that hold on all members. Every change is written to the audit log."
      />
      {!isKnown &&
        (overviewError.value === null ? (
          <Loading what="the members" />
        ) : (
          <Failed message={overviewError.value.message} retry={refreshOverview} />
        ))}
      {isKnown && (
        <Section title="Members" note={`term ${Math.max(...members.value.map(({ term }) => term ?? 0))}`}>
          <MemberActions members={members.value} />
          <Needs role="operator" to="drain members or transfer leadership">
            <Needs role="admin" to="add or remove members">
              <AddMember />
            </Needs>
          </Needs>
        </Section>
      )}
      <SettingsSection />
      <Section title="Backup">
        <Needs role="admin" to="download a backup">
          <p class="with-gap">
            A backup holds sessions, queues, retained messages, users with their password hashes, rules and
            settings. Keep it as you keep a key.
          </p>
          <a class="button" href={`${apiPrefix}/backup`} download="mqtt-cluster.backup">
            Download a backup
          </a>
        </Needs>
      </Section>
      {includesRole(role.value, 'admin') && (
        <Section title="Lost majority">
          <p class="note">
            If more than half of the voters are lost for ever, the command <code>mqtt-cluster bootstrap</code>{' '}
            on a host starts a cluster from the members that are left. The console does not offer it, because
            it can lose messages.
          </p>
        </Section>
      )}
    </>
  );
}
