/**
 * A credential in the shape of `AzureCommunicationTokenCredential`. `renew` gives
 * `{token, expiresOn}`; it is asked again only when the token is about to run out.
 */
const MARGIN_MS = 2 * 60 * 1000;

export function credential(first, renew) {
  let held = first;
  return {
    async getToken() {
      if (Date.parse(held.expiresOn) - Date.now() < MARGIN_MS) held = await renew();
      return { token: held.token, expiresOnTimestamp: Date.parse(held.expiresOn) };
    },
    dispose() {},
  };
}
