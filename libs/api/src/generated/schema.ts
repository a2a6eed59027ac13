// Written by `npm run api:document` from the routes of this package. Do not edit.
export interface paths {
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * This document
         * @description Needs no authorization.
         */
        get: operations["getOpenApiDocument"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The members, and what is wrong in words
         * @description Needs the role viewer.
         */
        get: operations["getOverview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether the cluster is healthy, or one member can be stopped
         * @description Needs no authorization.
         */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The settings of the cluster
         * @description Needs the role viewer.
         */
        get: operations["getSettings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Change settings of the cluster
         * @description Needs the role operator.
         */
        patch: operations["changeSettings"];
        trace?: never;
    };
    "/leadership": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Transfer the leadership to another voter
         * @description Needs the role operator.
         */
        post: operations["transferLeadership"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/bootstrap": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Form a cluster although some members are missing
         * @description Needs the role admin.
         */
        post: operations["bootstrapCluster"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/backup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A backup of the replicated state; 409 at a member that has not caught up with a majority
         * @description Needs the role admin.
         */
        get: operations["getBackup"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/prometheus/targets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The members as targets of Prometheus (http_sd)
         * @description Needs the role viewer.
         */
        get: operations["listPrometheusTargets"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All members with their state
         * @description Needs the role viewer.
         */
        get: operations["listMembers"];
        put?: never;
        /**
         * Add a member to the cluster
         * @description The `peers` setting of the members must list the new member. Needs the role admin.
         */
        post: operations["addMember"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/members/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove a member that has drained from the cluster
         * @description Status 409 without `force` if the member accepts clients, still drains, does not answer, or has messages in its outbox. Needs the role admin.
         */
        delete: operations["removeMember"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/members/{id}/drain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Drain a member: its clients move to the others
         * @description Needs the role operator.
         */
        post: operations["drainMember"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/members/{id}/undrain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End the drain of a member
         * @description Needs the role operator.
         */
        post: operations["undrainMember"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/members/{id}/change-effect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a change of the membership would do to the majority
         * @description Needs the role viewer.
         */
        get: operations["getChangeEffect"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/clients": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Clients and sessions, sorted by client identifier
         * @description Needs the role viewer.
         */
        get: operations["listClients"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/clients/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One client with its session
         * @description Needs the role viewer.
         */
        get: operations["getClient"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/clients/{id}/connection": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Disconnect a client
         * @description Needs the role operator.
         */
        delete: operations["disconnectClient"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/clients/disconnect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Disconnect many clients
         * @description Needs the role operator.
         */
        post: operations["disconnectClients"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/clients/{id}/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete a session with its subscriptions and its queue
         * @description A connected client is disconnected first. Needs the role operator.
         */
        delete: operations["deleteSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/subscriptions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Subscriptions: all, by filter or by topic
         * @description Sorted by client identifier, then by filter. At most one of filter and topic may be present. Needs the role viewer.
         */
        get: operations["listSubscriptions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/retained": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Retained messages, by filter
         * @description Needs the role viewer.
         */
        get: operations["listRetained"];
        put?: never;
        post?: never;
        /**
         * Delete the retained messages that a filter matches
         * @description With `limit` a long deletion takes several requests: pass `next` of each answer as `after` of the next request. A request that fails may have deleted some of its messages. Needs the role operator.
         */
        delete: operations["deleteRetained"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/retained/message": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One retained message with its payload
         * @description Needs the role viewer.
         */
        get: operations["getRetainedMessage"];
        put?: never;
        post?: never;
        /**
         * Delete one retained message
         * @description Needs the role operator.
         */
        delete: operations["deleteRetainedMessage"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/publish": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Publish a message
         * @description The access rules of the caller apply. A message that the rules do not permit, or whose topic is reserved, gets 403 with each QoS. Needs the role operator.
         */
        post: operations["publish"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/subscribe": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Receive messages for a bounded time, as a stream
         * @description The access rules of the caller apply. Needs the role operator.
         */
        get: operations["subscribe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happened in the last hour
         * @description Needs the role viewer.
         */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/trace": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every packet of one client, address or topic filter, as a stream
         * @description Exactly one of client, topic and address is required. The trace never contains a password. An event named `missing` names the members whose packets the trace lacks from then on, and an event named `lost` the packets of a member that were read too slowly. Needs the role admin.
         */
        get: operations["trace"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/links": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The links to other brokers with their state
         * @description Needs the role viewer.
         */
        get: operations["listLinks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/links/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Add a link, or replace its definition
         * @description Needs the role admin.
         */
        put: operations["putLink"];
        post?: never;
        /**
         * Remove a link with the messages that wait for the other broker
         * @description Needs the role admin.
         */
        delete: operations["deleteLink"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/links/{name}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Stop a link and keep its messages
         * @description Needs the role operator.
         */
        post: operations["pauseLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/links/{name}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Start a paused link
         * @description Needs the role operator.
         */
        post: operations["resumeLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/links/{name}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Connect from the asked member to the other broker with a client id of its own
         * @description Needs the role operator.
         */
        post: operations["testLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The users of the cluster, without their passwords
         * @description Needs the role admin.
         */
        get: operations["listUsers"];
        put?: never;
        /**
         * Add users with the hashes of their passwords
         * @description Needs the role admin.
         */
        post: operations["importUsers"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/users/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Add or change a user
         * @description Needs the role admin.
         */
        put: operations["putUser"];
        post?: never;
        /**
         * Delete a user
         * @description Needs the role admin.
         */
        delete: operations["deleteUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/rules": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The access rules of the cluster
         * @description Needs the role viewer.
         */
        get: operations["getRules"];
        /**
         * Replace all access rules of the cluster
         * @description Needs the role admin.
         */
        put: operations["replaceRules"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in with a user of the cluster that has a role
         * @description Needs no authorization.
         */
        post: operations["signIn"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sign-out": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End the session of the cookie
         * @description Needs no authorization.
         */
        post: operations["signOut"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The user and the role of this request
         * @description Needs no authorization.
         */
        get: operations["getMe"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        OpenApiDocument: {
            openapi: string;
        } & {
            [key: string]: unknown;
        };
        /** @description An error (RFC 9457). Nothing has changed. */
        Problem: {
            /** @description Always about:blank: the status is the kind of the problem. */
            type: string;
            /** @description The name of the HTTP status. */
            title: string;
            status: number;
            /** @description One sentence: what is wrong, and what would be right. */
            detail: string;
            /** @description True if the same request may succeed later. Absent otherwise. */
            later?: boolean;
        };
        Overview: {
            /** @description Name of the cluster. */
            cluster: string;
            /** @description Id of the member that answers. */
            member: string;
            version: string;
            /** @description Wall clock of the member, ms since 1970. */
            atMs: number;
            problems: components["schemas"]["ClusterProblem"][];
            members: components["schemas"]["Member"][];
            /** @description Ids of the members that did not answer in time. The answer lacks what only they know. */
            unreachable: string[];
            /** @description Ids of the members whose version has no HTTP API, or lacks this part of it. */
            tooOld: string[];
        };
        ClusterProblem: {
            /** @enum {string} */
            severity: "warning" | "critical";
            /** @description What is wrong, in one sentence. */
            text: string;
            /** @description Path of the runbook in the repository. The console shows its text. */
            runbook?: string;
        };
        Member: {
            id: string;
            /** @description Host and port of the cluster listener. */
            address: string;
            reachable: boolean;
            /**
             * @description Null if the member is unreachable.
             * @enum {string|null}
             */
            state: "joining" | "serving" | "draining" | "isolated" | null;
            /** @description One sentence: why the member does not serve. Empty if it serves. */
            reason: string;
            /**
             * @description Null if the asked member cannot know it.
             * @enum {string|null}
             */
            role: "leader" | "follower" | "candidate" | "learner" | "none" | null;
            /** @description The leader as this member sees it. Null if the member has no leader or is unreachable. */
            leader: string | null;
            term: number | null;
            appliedIndex: number | null;
            /** @description Entries of the log that the member lacks, as the leader reports; null without a leader. */
            lag: number | null;
            /** @description Whether the drain of this member is complete: it has no clients, the moved clients have reconnected at other members or count as dead, and the member does not lead, unless it is the only one. False without a drain. Absent if the member is unreachable, or too old to report it. */
            drained?: boolean;
            /** @description Connected clients. */
            clients: number | null;
            sessions: number | null;
            /** @description URLs at which clients reach the member. */
            urls: string[];
            version?: string;
            /** @description 0 (idle) to 1 (overloaded). */
            load: number | null;
            /** @description Resident memory of the process. */
            memoryBytes?: number;
            rates?: components["schemas"]["Rates"];
            /** @description One sentence. Only of an unreachable member. */
            unreachableReason?: string;
        };
        /** @description Means of the last seconds. */
        Rates: {
            /** @description Messages from clients, for QoS 0, 1 and 2. */
            receivedPerSecond: number[];
            /** @description Messages to clients, for QoS 0, 1 and 2. */
            deliveredPerSecond: number[];
            droppedPerSecond: number;
            /** @description Median time until a majority had stored a batch of publishes; null without any. */
            ackMsP50: number | null;
            ackMsP99: number | null;
        };
        Health: {
            askedOf: string;
            healthy: boolean;
            reason: string;
            leader: string | null;
            term: number;
            /** @description A leader exists, and more than half of the voters are reachable. */
            majority: boolean;
            voters: number;
            learners: string[];
            members: {
                id: string;
                /** @enum {string} */
                role: "voter" | "learner";
                leader: boolean;
                /** @enum {string} */
                state: "joining" | "serving" | "draining" | "isolated" | "unreachable";
                /** @description The member is reachable, has caught up and serves. */
                ok: boolean;
                reason: string;
                lagEntries: number | null;
                clients: number;
                load: number;
            }[];
            /** @description Whether the member of the parameter `stop` can be stopped now. */
            stop?: {
                member: string;
                safe: boolean;
                reason: string;
                waitingHelps: boolean;
            };
        };
        /** @description The settings of the cluster; docs/OPERATIONS.md describes them. */
        ClusterSettings: {
            /** @default 1000 */
            queuedMessagesMax: number;
            /** @default 16777216 */
            queuedBytesMax: number;
            /** @default 20000 */
            connectedQueuedMessagesMax: number;
            /** @default 67108864 */
            connectedQueuedBytesMax: number;
            /**
             * @default drop-oldest
             * @enum {string}
             */
            queueFull: "drop-oldest" | "refuse";
            /** @default 100000 */
            sessionsMax: number;
            /** @default 268435456 */
            clusterQueuedBytesMax: number;
            /** @default 100 */
            incomingMax: number;
            /** @default 4294967295 */
            sessionExpirySecondsMax: number;
            /** @default 2000 */
            orphanGraceMs: number;
            /** @default 100000 */
            retainedMax: number;
            /** @default 402653184 */
            clusterQueueMemoryMax: number;
            /** @default 67108864 */
            connectedQueueReserve: number;
            /** @default 268435456 */
            userQueueMemoryMax: number;
            /** @default 134217728 */
            retainedBytesMax: number;
            /** @default 67108864 */
            userRetainedBytesMax: number;
            /** @default 10000 */
            sessionSubscriptionsMax: number;
            /** @default 16777216 */
            sessionSubscriptionBytesMax: number;
            /** @default 201326592 */
            subscriptionBytesMax: number;
            /** @default 1048576 */
            sessionWillBytesMax: number;
            /** @default 33554432 */
            willBytesMax: number;
            /** @default 100000 */
            userSessionsMax: number;
        };
        /** @description The settings to change. A setting that is absent keeps its value. */
        SettingsChange: {
            queuedMessagesMax: number;
            queuedBytesMax: number;
            connectedQueuedMessagesMax: number;
            connectedQueuedBytesMax: number;
            /** @enum {string} */
            queueFull: "drop-oldest" | "refuse";
            sessionsMax: number;
            clusterQueuedBytesMax: number;
            incomingMax: number;
            sessionExpirySecondsMax: number;
            orphanGraceMs: number;
            retainedMax: number;
            clusterQueueMemoryMax: number;
            connectedQueueReserve: number;
            userQueueMemoryMax: number;
            retainedBytesMax: number;
            userRetainedBytesMax: number;
            sessionSubscriptionsMax: number;
            sessionSubscriptionBytesMax: number;
            subscriptionBytesMax: number;
            sessionWillBytesMax: number;
            willBytesMax: number;
            userSessionsMax: number;
        };
        Done: {
            /** @enum {boolean} */
            ok: true;
            /** @description What was done, in one sentence. */
            text: string;
        };
        LeadershipTransfer: {
            /** @description The new leader. Absent: the leader chooses the voter with the longest log. */
            to?: string;
        };
        /** @description The format of http_sd_config. */
        PrometheusTargets: {
            targets: string[];
            labels: {
                [key: string]: string;
            };
        }[];
        MemberList: {
            members: components["schemas"]["Member"][];
            /** @description Ids of the members that did not answer in time. The answer lacks what only they know. */
            unreachable: string[];
            /** @description Ids of the members whose version has no HTTP API, or lacks this part of it. */
            tooOld: string[];
        };
        NewMember: {
            /** @description Id of a member. */
            id: string;
        };
        Drain: {
            /**
             * @description Ends the process after the drain.
             * @default false
             */
            exit: boolean;
        };
        /** @description What a change of the membership would do to the majority. */
        ChangeEffect: {
            allowed: boolean;
            votersNow: number;
            votersAfter: number;
            /** @description Voters that are a majority after the change. */
            majorityAfter: number;
            /** @description The effect for an operator, in one or two sentences. */
            text: string;
        };
        ClientPage: {
            items: components["schemas"]["ClientSummary"][];
            /** @description The cursor of the next page: pass it as `after`. Null on the last page. */
            next: string | null;
            /** @description Ids of the members that did not answer in time. The answer lacks what only they know. */
            unreachable: string[];
            /** @description Ids of the members whose version has no HTTP API, or lacks this part of it. */
            tooOld: string[];
        };
        /** @description A client and its session. The details of the connection are null while its member is unreachable. */
        ClientSummary: {
            id: string;
            connected: boolean;
            /** @description The member that the client is connected to; null if it is not connected. */
            member: string | null;
            user: string | null;
            /** @enum {string|null} */
            protocol: "3.1" | "3.1.1" | "5.0" | null;
            address: string | null;
            listener: string | null;
            /** @description Wall clock, ms since 1970. */
            connectedSinceMs: number | null;
            /** @description Whether the session ends with the connection. */
            clean: boolean;
            /** @description Session Expiry Interval. */
            expirySeconds: number | null;
            subscriptions: number;
            queuedMessages: number;
            queuedBytes: number;
            /** @description Messages that the client has not acknowledged. */
            inFlight: number;
            /** @description Messages that were dropped for this client: from its queue since the asked member has the session in memory, and by its connection since the client connected. */
            dropped: number;
        };
        Client: {
            id: string;
            connected: boolean;
            /** @description The member that the client is connected to; null if it is not connected. */
            member: string | null;
            user: string | null;
            /** @enum {string|null} */
            protocol: "3.1" | "3.1.1" | "5.0" | null;
            address: string | null;
            listener: string | null;
            /** @description Wall clock, ms since 1970. */
            connectedSinceMs: number | null;
            /** @description Whether the session ends with the connection. */
            clean: boolean;
            /** @description Session Expiry Interval. */
            expirySeconds: number | null;
            subscriptions: number;
            queuedMessages: number;
            queuedBytes: number;
            /** @description Messages that the client has not acknowledged. */
            inFlight: number;
            /** @description Messages that were dropped for this client: from its queue since the asked member has the session in memory, and by its connection since the client connected. */
            dropped: number;
            keepAliveSeconds: number | null;
            receiveMaximum: number | null;
            /** @description The user that the session belongs to. */
            owner: string | null;
            will: {
                topic: string;
                qos: number;
                retain: boolean;
                delaySeconds: number;
                payloadBytes: number;
            } | null;
            subscriptionList: components["schemas"]["ClientSubscription"][];
            /** @description The newest end of a connection that the members remember. */
            lastDisconnect: {
                atMs: number;
                reason: string;
                member: string;
            } | null;
            events: components["schemas"]["Event"][];
            /** @description Ids of the members that did not answer in time. The answer lacks what only they know. */
            unreachable: string[];
            /** @description Ids of the members whose version has no HTTP API, or lacks this part of it. */
            tooOld: string[];
        };
        ClientSubscription: {
            filter: string;
            qos: number;
            noLocal: boolean;
            retainAsPublished: boolean;
            identifier?: number;
        };
        Event: {
            /** @description Wall clock of the member, ms since 1970. */
            atMs: number;
            member: string;
            /** @enum {string} */
            kind: "connected" | "disconnected" | "takenOver" | "refused" | "redirected" | "elected" | "isolated" | "serving" | "draining" | "configChanged" | "snapshotInstalled" | "alarm";
            client?: string;
            user?: string;
            address?: string;
            reason?: string;
            /** @description The event in one sentence. */
            text: string;
        };
        ConnectionEnded: {
            ended: boolean;
        };
        Disconnected: {
            ended: number;
            /** @description Ids of the clients without a connection. */
            notConnected: string[];
            /** @description Ids of the members that did not answer in time. The answer lacks what only they know. */
            unreachable: string[];
            /** @description Ids of the members whose version has no HTTP API, or lacks this part of it. */
            tooOld: string[];
        };
        ClientIds: {
            ids: string[];
        };
        SessionDeleted: {
            deleted: boolean;
        };
        SubscriptionPage: {
            items: components["schemas"]["Subscription"][];
            /** @description The cursor of the next page: pass it as `after`. Null on the last page. */
            next: string | null;
            /** @description Ids of the members that did not answer in time. The answer lacks what only they know. */
            unreachable: string[];
            /** @description Ids of the members whose version has no HTTP API, or lacks this part of it. */
            tooOld: string[];
        };
        Subscription: {
            client: string;
            filter: string;
            qos: number;
            shared: boolean;
            connected: boolean;
            member: string | null;
        };
        RetainedPage: {
            items: components["schemas"]["RetainedItem"][];
            /** @description The cursor of the next page: pass it as `after`. Null on the last page. */
            next: string | null;
            /** @description Ids of the members that did not answer in time. The answer lacks what only they know. */
            unreachable: string[];
            /** @description Ids of the members whose version has no HTTP API, or lacks this part of it. */
            tooOld: string[];
        };
        RetainedItem: {
            topic: string;
            qos: number;
            payloadBytes: number;
            /** @description Base64 of the first 64 bytes. */
            payloadPreview: string;
            /** @description Null if the message does not expire. */
            expiresInSeconds: number | null;
        };
        RetainedMessage: {
            topic: string;
            qos: number;
            payloadBytes: number;
            /** @description Base64 of the first 64 bytes. */
            payloadPreview: string;
            /** @description Null if the message does not expire. */
            expiresInSeconds: number | null;
            /** @description Base64. */
            payload: string;
            properties: components["schemas"]["MessageProperties"];
        };
        MessageProperties: {
            payloadFormatIndicator?: boolean;
            /** @description Seconds. */
            messageExpiryInterval?: number;
            contentType?: string;
            /** @description MQTT topic name. */
            responseTopic?: string;
            /** @description Base64. */
            correlationData?: string;
            /** @description Pairs of a name and a value. */
            userProperties?: string[][];
        };
        RetainedMessageDeleted: {
            deleted: boolean;
        };
        RetainedDeletion: {
            /** @description Retained messages of this request that the filter matches. */
            matched: number;
            deleted: number;
            dryRun: boolean;
            /** @description The cursor of the next request; null if no message is left, or without `limit`. */
            next: string | null;
        };
        Published: {
            /** @description True if the cluster has acknowledged the message (QoS 1 and 2). QoS 0 has no acknowledgement: the member has accepted the message. */
            acknowledged: boolean;
            /** @description True if no session of the cluster had a matching subscription (QoS 1 and 2). */
            noSubscribers?: boolean;
        };
        Publish: {
            /** @description MQTT topic name. */
            topic: string;
            payload: string;
            /**
             * @default utf8
             * @enum {string}
             */
            encoding: "utf8" | "base64";
            /**
             * @default 0
             * @enum {integer}
             */
            qos: 0 | 1 | 2;
            /** @default false */
            retain: boolean;
            properties?: components["schemas"]["MessageProperties"];
        };
        ReceivedMessage: {
            topic: string;
            /** @description Base64. */
            payload: string;
            qos: number;
            retain: boolean;
        };
        EventList: {
            /** @description The newest event first. */
            events: components["schemas"]["Event"][];
            /** @description The cursor of older events; null if there are no more. */
            next: string | null;
            /** @description Ids of the members that did not answer in time. The answer lacks what only they know. */
            unreachable: string[];
            /** @description Ids of the members whose version has no HTTP API, or lacks this part of it. */
            tooOld: string[];
        };
        TraceItem: {
            atMs: number;
            member: string;
            client: string;
            address: string;
            /**
             * @description in: from the client.
             * @enum {string}
             */
            direction: "in" | "out";
            /** @description Name of the control packet, such as PUBLISH. */
            packet: string;
            packetId?: number;
            topic?: string;
            qos?: number;
            dup?: boolean;
            retain?: boolean;
            bytes: number;
            /** @description What the member decided about the packet. */
            decision?: string;
            /** @description Base64. Only with payload=true. */
            payload?: string;
        };
        LinkList: {
            links: components["schemas"]["Link"][];
            /** @description Members that did not answer. */
            unreachable: string[];
            /** @description Members whose version has no links. */
            tooOld: string[];
        };
        Link: {
            name: string;
            /** @description Null: this member does not accept the definition. */
            definition: {
                /**
                 * @default mqtt
                 * @enum {string}
                 */
                kind: "mqtt" | "jetstream";
                jetstream?: {
                    stream: string;
                    /** @default 3 */
                    replicas: number;
                    /** @default 3600 */
                    duplicateWindowSeconds: number;
                    /** @default 604800 */
                    ageSecondsMax: number;
                    /** @default 1073741824 */
                    bytesMax: number;
                    /**
                     * @default new
                     * @enum {string}
                     */
                    start: "new" | "all";
                    /** @default false */
                    syncsAlways: boolean;
                };
                addresses: string[];
                /**
                 * @default 5.0
                 * @enum {string}
                 */
                protocol: "3.1.1" | "5.0";
                /** @default true */
                bridge: boolean;
                clientId?: string;
                username?: string;
                passwordFile?: string;
                tls?: {
                    ca?: string;
                    cert?: string;
                    key?: string;
                    serverName?: string;
                };
                /** @default 10 */
                keepAliveSeconds: number;
                /** @default 100 */
                inFlightMax: number;
                ratePerSecondMax?: number;
                /** @default 262144 */
                packetBytesMax: number;
                /** @default 1 */
                hopsMax: number;
                presence?: string;
                keptAside?: string;
                /** @default false */
                paused: boolean;
                rules: {
                    /** @enum {string} */
                    direction: "out" | "in";
                    filter: string;
                    /** @default  */
                    localPrefix: string;
                    /** @default  */
                    remotePrefix: string;
                    /** @enum {integer} */
                    qosMax?: 0 | 1 | 2;
                    /**
                     * @default no
                     * @enum {string}
                     */
                    retained: "no" | "live";
                }[];
            } | null;
            /**
             * @description connected: the link works. connecting: a member runs the link without a connection. waiting: no member runs it.
             * @enum {string}
             */
            state: "connected" | "connecting" | "waiting" | "paused" | "invalid";
            /** @description The member that runs the link. */
            member: string | null;
            address: string | null;
            /** @description What is wrong, in one sentence. */
            error: string | null;
            /** @description Messages that the other broker has not acknowledged yet. */
            lagMessages: number;
            lagSeconds: number;
            /** @description Messages of QoS 0, 1 and 2. */
            sent: number[];
            /** @description Messages of QoS 0, 1 and 2. */
            received: number[];
            /** @description Messages by reason. */
            dropped: {
                [key: string]: number;
            };
            reconnects: number;
            /** @description Messages that were sent again although the other end may have them. */
            possibleDuplicates: number;
            /** @description Messages that the other end did not accept, and of which the cluster has a copy. */
            keptAside: number;
            /** @description Which members may run the link, and why others may not. */
            members: {
                member: string;
                mayRun: boolean;
                reason: string | null;
            }[];
        };
        /** @description docs/LINKS.md describes the fields. */
        LinkDefinition: {
            /**
             * @default mqtt
             * @enum {string}
             */
            kind: "mqtt" | "jetstream";
            jetstream?: {
                stream: string;
                /** @default 3 */
                replicas: number;
                /** @default 3600 */
                duplicateWindowSeconds: number;
                /** @default 604800 */
                ageSecondsMax: number;
                /** @default 1073741824 */
                bytesMax: number;
                /**
                 * @default new
                 * @enum {string}
                 */
                start: "new" | "all";
                /** @default false */
                syncsAlways: boolean;
            };
            addresses: string[];
            /**
             * @default 5.0
             * @enum {string}
             */
            protocol: "3.1.1" | "5.0";
            /** @default true */
            bridge: boolean;
            clientId?: string;
            username?: string;
            passwordFile?: string;
            tls?: {
                ca?: string;
                cert?: string;
                key?: string;
                serverName?: string;
            };
            /** @default 10 */
            keepAliveSeconds: number;
            /** @default 100 */
            inFlightMax: number;
            ratePerSecondMax?: number;
            /** @default 262144 */
            packetBytesMax: number;
            /** @default 1 */
            hopsMax: number;
            presence?: string;
            keptAside?: string;
            /** @default false */
            paused: boolean;
            rules: {
                /** @enum {string} */
                direction: "out" | "in";
                filter: string;
                /** @default  */
                localPrefix: string;
                /** @default  */
                remotePrefix: string;
                /** @enum {integer} */
                qosMax?: 0 | 1 | 2;
                /**
                 * @default no
                 * @enum {string}
                 */
                retained: "no" | "live";
            }[];
        };
        LinkTest: {
            ok: boolean;
            /** @description The result in one sentence. */
            text: string;
        };
        UserList: {
            version: number;
            users: components["schemas"]["User"][];
        };
        User: {
            name: string;
            groups: string[];
            role: string | null;
            disabled: boolean;
        };
        UserImport: {
            users: {
                /** @description User name: 1 to 256 bytes. */
                name: string;
                passwordHash: string;
            }[];
        };
        /** @description Fields that are absent stay as they are. */
        UserChange: {
            password?: string;
            /** @description Instead of a password. */
            passwordHash?: string;
            groups?: string[];
            /**
             * @description Null removes the role.
             * @enum {string|null}
             */
            role?: "viewer" | "operator" | "admin" | null;
            disabled?: boolean;
            /**
             * @description create: the user must not exist. change: the user must exist.
             * @enum {string}
             */
            mode?: "create" | "change";
        };
        RuleList: {
            version: number;
            rules: components["schemas"]["AccessRule"][];
        };
        /** @description docs/ACCESS.md describes the rules. */
        AccessRule: {
            /** @enum {string} */
            effect: "allow" | "deny";
            actions: ("publish" | "subscribe")[];
            topics: string[];
            users?: string[];
            anonymous?: boolean;
            groups?: string[];
            clients?: string[];
            addresses?: (string)[];
            listeners?: string[];
            /** @enum {integer} */
            qosMax?: 0 | 1 | 2;
            retain?: boolean;
        };
        Rules: {
            rules: components["schemas"]["AccessRule"][];
        };
        SignedIn: {
            user: string;
            /** @enum {string} */
            role: "viewer" | "operator" | "admin";
        };
        SignIn: {
            user: string;
            password: string;
        };
        SignedOut: Record<string, never>;
        Me: {
            /** @description Null for a request without a user. */
            user: string | null;
            /** @enum {string} */
            role: "viewer" | "operator" | "admin";
            /** @description Whether the member runs in a lab. */
            lab: boolean;
            /** @description Whether the member admits this request without a user. */
            anonymous: boolean;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getOpenApiDocument: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The OpenAPI document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenApiDocument"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getOverview: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The cluster as this member sees it, also while it is isolated. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overview"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getHealth: {
        parameters: {
            query?: {
                /** @description Id of the member to be stopped. */
                stop?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All members are healthy; with `stop`: the member can be stopped now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The opposite of 200, with the same body. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The settings that are in force at this member. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClusterSettings"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SettingsChange"];
            };
        };
        responses: {
            /** @description All settings; the change is in force at this member. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClusterSettings"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    transferLeadership: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["LeadershipTransfer"];
            };
        };
        responses: {
            /** @description The leadership is transferred. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    bootstrapCluster: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The members that have answered form the cluster. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getBackup: {
        parameters: {
            query?: {
                /** @description true: also a member without a majority gives its last state, which may be older than that of the cluster. */
                stale?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The backup. It contains the password hashes of all users. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listPrometheusTargets: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One target for each member. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PrometheusTargets"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listMembers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The members of the configuration and of the `peers` setting. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MemberList"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addMember: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewMember"];
            };
        };
        responses: {
            /** @description The member is a learner now; the leader promotes it when it has caught up. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeMember: {
        parameters: {
            query?: {
                /** @description Removes the member without a drain, even if its outbox may contain acknowledged messages that the cluster does not have. */
                force?: boolean;
            };
            header?: never;
            path: {
                /** @description Id of a member. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The member is removed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    drainMember: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a member. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Drain"];
            };
        };
        responses: {
            /** @description The drain has begun. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    undrainMember: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a member. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The member accepts clients again. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getChangeEffect: {
        parameters: {
            query: {
                /** @description The change that is planned. */
                action: "remove" | "drain" | "add";
            };
            header?: never;
            path: {
                /** @description Id of a member. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The effect. Nothing has changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ChangeEffect"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listClients: {
        parameters: {
            query?: {
                /** @description Part of the client identifier; case-sensitive. */
                id?: string;
                /** @description User name of the client. */
                user?: string;
                /** @description IP address of the client. */
                address?: string;
                /** @description The member that the client is connected to. */
                member?: string;
                /** @description Whether the client is connected. */
                connected?: boolean;
                /** @description Items of the page. */
                limit?: number;
                /** @description The value `next` of the page before. Absent for the first page. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page. A page may have fewer items than `limit`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClientPage"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getClient: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description MQTT client identifier. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The client. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Client"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    disconnectClient: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description MQTT client identifier. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Whether the client was connected. The session stays. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ConnectionEnded"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    disconnectClients: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ClientIds"];
            };
        };
        responses: {
            /** @description The sessions stay. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Disconnected"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description MQTT client identifier. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Whether the session existed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionDeleted"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSubscriptions: {
        parameters: {
            query?: {
                /** @description Only the subscriptions to exactly this filter. */
                filter?: string;
                /** @description Only the subscriptions that would get a message on this topic. */
                topic?: string;
                /** @description Items of the page. */
                limit?: number;
                /** @description The value `next` of the page before. Absent for the first page. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page. A page may have fewer items than `limit`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubscriptionPage"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRetained: {
        parameters: {
            query?: {
                /** @description Topic filter; # by default. */
                filter?: string;
                /** @description Items of the page. */
                limit?: number;
                /** @description The value `next` of the page before. Absent for the first page. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page. A page may have fewer items than `limit`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RetainedPage"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteRetained: {
        parameters: {
            query: {
                /** @description MQTT topic filter. */
                filter: string;
                /** @description true: only counts the messages. The parameter is required. */
                dryRun: boolean;
                /** @description Messages of this request; all by default. */
                limit?: number;
                /** @description The value `next` of the answer before. Absent for the first request. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The numbers of messages. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RetainedDeletion"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRetainedMessage: {
        parameters: {
            query: {
                /** @description MQTT topic name. */
                topic: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The message. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RetainedMessage"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteRetainedMessage: {
        parameters: {
            query: {
                /** @description MQTT topic name. */
                topic: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Whether the topic had a retained message. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RetainedMessageDeleted"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    publish: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Publish"];
            };
        };
        responses: {
            /** @description The member has accepted the message (QoS 0), or the cluster has acknowledged it (QoS 1 and 2). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Published"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    subscribe: {
        parameters: {
            query: {
                /** @description MQTT topic filter. */
                filter: string;
                /** @description The highest QoS of the messages; 0 by default. */
                qos?: number;
                /** @description Messages after which the stream ends. */
                max?: number;
                /** @description Seconds after which the stream ends. */
                seconds?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One event for each message. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["ReceivedMessage"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listEvents: {
        parameters: {
            query?: {
                /** @description Only the events of this client. */
                client?: string;
                /** @description Items of the page. */
                limit?: number;
                /** @description The value `next` of the page before. Absent for the first page. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The events of all reachable members, the newest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventList"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    trace: {
        parameters: {
            query?: {
                /** @description MQTT client identifier. */
                client?: string;
                /** @description MQTT topic filter. */
                topic?: string;
                /** @description IP address of clients. */
                address?: string;
                /** @description Seconds after which the stream ends. */
                seconds?: number;
                /** @description Whether the trace contains the payloads. */
                payload?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One event for each packet. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["TraceItem"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listLinks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All links. Counters begin anew with each process that runs a link. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LinkList"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the link. */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LinkDefinition"];
            };
        };
        responses: {
            /** @description The definition is committed. A member starts the link. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the link. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The link and its sessions are deleted. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pauseLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the link. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description No member runs the link. Its messages wait. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the link. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A member starts the link. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    testLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of the link. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The result of the attempt. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LinkTest"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listUsers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All users. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserList"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    importUsers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserImport"];
            };
        };
        responses: {
            /** @description The users exist. A user that existed keeps its groups and its role. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description User name: 1 to 256 bytes. */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserChange"];
            };
        };
        responses: {
            /** @description The change is in force at this member. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description User name: 1 to 256 bytes. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connections of the user end. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRules: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rules in the order in which they decide. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RuleList"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceRules: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Rules"];
            };
        };
        responses: {
            /** @description The rules are in force at this member. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Done"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    signIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignIn"];
            };
        };
        responses: {
            /** @description The response sets the session cookie. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignedIn"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    signOut: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignedOut"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMe: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The user. Status 401 if the request has no session and its host may do nothing. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description The request is wrong or not permitted. Nothing has changed. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The member cannot answer now. The log of the member has the reason. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
