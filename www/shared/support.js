/** Whether this browser can hold a meeting; a sentence if not. */
export function missing() {
  if (!window.isSecureContext) {
    return 'This page was opened without https, so the browser does not give it a camera or microphone. Open it by https, or on this computer by http://localhost.';
  }
  if (!('RTCPeerConnection' in window) || !navigator.mediaDevices?.getUserMedia) {
    return 'This browser has no WebRTC, or it is switched off. Use a current Chrome, Edge, Firefox or Safari.';
  }
  if (!('WebAssembly' in window) || !Array.prototype.findLast) {
    return 'This browser is too old for meetings. Use a current Chrome, Edge, Firefox or Safari.';
  }
  if (!window.Plenary) {
    return 'The meeting software did not load. Reload the page; if that does not help, tell who runs this service.';
  }
  return null;
}
