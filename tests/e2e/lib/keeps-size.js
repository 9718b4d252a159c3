// Runs in the page before anything else: whatever is sent keeps its size, and loses pictures where the machine is busy.
(() => {
  const { setParameters } = RTCRtpSender.prototype;
  RTCRtpSender.prototype.setParameters = function kept(parameters, ...more) {
    return setParameters.call(this, { ...parameters, degradationPreference: 'maintain-resolution' }, ...more);
  };
})();
