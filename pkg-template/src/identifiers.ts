/**
 * Identifiers of people, with the shapes and the raw ids of `@azure/communication-common` (MIT): that
 * package's `getIdentifierRawId` and `createIdentifierFromRawId` read what this file makes, and the
 * other way round (`acs-api` 2.1.11; a test compares them).
 */
import { invalidArgument } from './errors.js';

/** Clouds that a member can belong to; without one it is `public`. */
export type IdentifierCloud = 'public' | 'dod' | 'gcch';

/** A guest: a user that the application created with its resource. */
export interface CommunicationUserIdentifier {
  /** The raw id, `8:acs:<resource>_<user>`. */
  communicationUserId: string;
}
/** A phone number. Plenary has none in meetings; the shape is for compatibility. */
export interface PhoneNumberIdentifier {
  /** Raw id, when it differs from `4:` and the number. */
  rawId?: string;
  /** In E.164 format. */
  phoneNumber: string;
  /** Tells two connections of one number apart. */
  assertedId?: string;
  /** Whether the number is withheld. */
  isAnonymous?: boolean;
}
/** A member of the organisation. */
export interface MicrosoftTeamsUserIdentifier {
  /** Raw id, when it differs from the usual form. */
  rawId?: string;
  /** Object id of the member in the directory. */
  microsoftTeamsUserId: string;
  /** Whether the person came by a link, without signing in. */
  isAnonymous?: boolean;
  /** Cloud of the member. */
  cloud?: IdentifierCloud;
}
/** An application of the organisation. */
export interface MicrosoftTeamsAppIdentifier {
  /** Raw id, when it differs from the usual form. */
  rawId?: string;
  /** Id of the application. */
  teamsAppId: string;
  /** Cloud of the application. */
  cloud?: IdentifierCloud;
}
/** A member who uses a resource's phone extension. */
export interface TeamsExtensionUserIdentifier {
  /** Raw id, when it differs from the usual form. */
  rawId?: string;
  /** Object id of the member. */
  userId: string;
  /** Organisation of the member. */
  tenantId: string;
  /** The resource. */
  resourceId: string;
  /** Cloud of the member. */
  cloud?: IdentifierCloud;
}
/** Anything else. */
export interface UnknownIdentifier {
  /** The raw id. */
  id: string;
}

/** Identifies a person or an application. */
export type CommunicationIdentifier =
  | CommunicationUserIdentifier
  | PhoneNumberIdentifier
  | MicrosoftTeamsUserIdentifier
  | MicrosoftTeamsAppIdentifier
  | TeamsExtensionUserIdentifier
  | UnknownIdentifier;

/** {@link CommunicationUserIdentifier} with its kind. */
export interface CommunicationUserKind extends CommunicationUserIdentifier {
  /** Discriminates. */ kind: 'communicationUser';
}
/** {@link PhoneNumberIdentifier} with its kind. */
export interface PhoneNumberKind extends PhoneNumberIdentifier {
  /** Discriminates. */ kind: 'phoneNumber';
}
/** {@link MicrosoftTeamsUserIdentifier} with its kind. */
export interface MicrosoftTeamsUserKind extends MicrosoftTeamsUserIdentifier {
  /** Discriminates. */ kind: 'microsoftTeamsUser';
}
/** {@link MicrosoftTeamsAppIdentifier} with its kind. */
export interface MicrosoftTeamsAppKind extends MicrosoftTeamsAppIdentifier {
  /** Discriminates. */ kind: 'microsoftTeamsApp';
}
/** {@link TeamsExtensionUserIdentifier} with its kind. */
export interface TeamsExtensionUserKind extends TeamsExtensionUserIdentifier {
  /** Discriminates. */ kind: 'teamsExtensionUser';
}
/** {@link UnknownIdentifier} with its kind. */
export interface UnknownIdentifierKind extends UnknownIdentifier {
  /** Discriminates. */ kind: 'unknown';
}

/** An identifier that says of which kind it is. */
export type CommunicationIdentifierKind =
  | CommunicationUserKind
  | PhoneNumberKind
  | MicrosoftTeamsUserKind
  | MicrosoftTeamsAppKind
  | TeamsExtensionUserKind
  | UnknownIdentifierKind;

const clouds = new Map<string, IdentifierCloud>([['orgid', 'public'], ['dod', 'dod'], ['gcch', 'gcch']]);
const extensionClouds = new Map<string, IdentifierCloud>([['acs', 'public'], ['dod-acs', 'dod'], ['gcch-acs', 'gcch']]);

/** The identifier that a raw id stands for; a new object every time. @internal */
export function identifierOf(rawId: string): CommunicationIdentifierKind {
  if (rawId.startsWith('4:')) return phoneNumberOf(rawId.slice(2));
  const [prefix, scope, id, ...more] = rawId.split(':');
  if (scope === undefined || id === undefined || more.length > 0) return { kind: 'unknown', id: rawId };
  const cloud = clouds.get(scope);
  if (prefix === '28' && cloud) return { kind: 'microsoftTeamsApp', teamsAppId: id, cloud };
  if (prefix !== '8') return { kind: 'unknown', id: rawId };
  if (cloud) return { kind: 'microsoftTeamsUser', microsoftTeamsUserId: id, isAnonymous: false, cloud };
  if (scope === 'teamsvisitor') return { kind: 'microsoftTeamsUser', microsoftTeamsUserId: id, isAnonymous: true };
  const extensionCloud = extensionClouds.get(scope);
  if (extensionCloud) {
    const [resourceId, tenantId, userId, ...rest] = id.split('_');
    if (resourceId !== undefined && tenantId !== undefined && userId !== undefined && rest.length === 0) {
      return { kind: 'teamsExtensionUser', userId, tenantId, resourceId, cloud: extensionCloud };
    }
  }
  if (extensionCloud || scope === 'spool') return { kind: 'communicationUser', communicationUserId: rawId };
  return { kind: 'unknown', id: rawId };
}

function phoneNumberOf(phoneNumber: string): PhoneNumberKind {
  const isAnonymous = phoneNumber === 'anonymous';
  const mark = isAnonymous ? 0 : phoneNumber.lastIndexOf('_') + 1;
  const assertedId = mark > 0 && mark < phoneNumber.length ? phoneNumber.slice(mark) : undefined;
  return { kind: 'phoneNumber', phoneNumber, isAnonymous, assertedId: assertedId as string };
}

/**
 * The raw id of an identifier, or of a raw id itself.
 * @throws CommunicationServicesError 400/59202 when it is neither.
 * @internal
 */
export function rawIdOf(identifier: CommunicationIdentifier | string): string {
  if (typeof identifier === 'string') return identifier;
  const it: Record<string, unknown> = { ...identifier };
  const text = (key: string) => (typeof it[key] === 'string' ? (it[key] as string) : undefined);
  const government = it.cloud === 'dod' || it.cloud === 'gcch' ? it.cloud : undefined;
  const guest = text('communicationUserId');
  if (guest !== undefined) return guest;
  const own = text('rawId');
  const phone = text('phoneNumber');
  if (phone !== undefined) return own || `4:${phone}`;
  const member = text('microsoftTeamsUserId');
  if (member !== undefined) return own || `8:${it.isAnonymous ? 'teamsvisitor' : (government ?? 'orgid')}:${member}`;
  const app = text('teamsAppId');
  if (app !== undefined) return own || `28:${government ?? 'orgid'}:${app}`;
  const [resource, tenant, user] = [text('resourceId'), text('tenantId'), text('userId')];
  if (resource !== undefined && tenant !== undefined && user !== undefined) {
    return own || `8:${government ? `${government}-` : ''}acs:${resource}_${tenant}_${user}`;
  }
  const id = text('id');
  if (id !== undefined) return id;
  throw invalidArgument('This is not an identifier: pass one of the shapes of @azure/communication-common.');
}
