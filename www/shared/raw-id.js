/** The raw id (`8:acs:…`, `8:orgid:…`) of an identifier, as `getIdentifierRawId` gives it. */
export function rawId(identifier) {
  return identifier.rawId ?? identifier.communicationUserId
    ?? (identifier.microsoftTeamsUserId ? `8:orgid:${identifier.microsoftTeamsUserId}` : identifier.id ?? '');
}
