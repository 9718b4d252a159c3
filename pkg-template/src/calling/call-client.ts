import { where } from '../address.js';
import { configuredEndpoint } from '../configuration.js';
import type { AgentInfo, Core } from '../core.js';
import { DeviceManager } from '../devices/device-manager.js';
import { disposed, invalidArgument, settled } from '../errors.js';
import { makeFeature, type CallClientFeatureFactory } from '../features/factory.js';
import { loadedCore, release, retain } from '../runtime.js';
import type { CallAgentOptions, CallClientOptions, CommunicationTokenCredential, TeamsCallAgentOptions } from '../types.js';
import { CallAgent, TeamsCallAgent } from './call-agent.js';

/** The way in: makes agents and the device manager. Its constructor does nothing but remember its options. */
export class CallClient {
  /** @internal */
  _options: CallClientOptions;
  /** @internal */
  _agents = new Set<CallAgent | TeamsCallAgent>();
  /** @internal */
  _deviceManager: Promise<DeviceManager> | undefined;
  /** @internal */
  _features = new Map<unknown, unknown>();
  /** @internal */
  _isDisposed = false;
  /** @internal This object, also where methods run with a Proxy as `this` (2.1.3). */
  _self: CallClient;

  /** @param options where the service is and what the application is; all optional. */
  constructor(options: CallClientOptions = {}) {
    this._options = options;
    this._self = this;
  }

  /**
   * An agent for a guest; connects to the service.
   * @throws CommunicationServicesError 401/10009 for a token that is not accepted, 496/7 when the
   * service cannot be reached, 500/59204 when the wasm cannot be loaded.
   */
  async createCallAgent(tokenCredential: CommunicationTokenCredential, options?: CallAgentOptions): Promise<CallAgent> {
    const { core, info } = await this._self._connect('guest', tokenCredential, options?.displayName);
    return this._self._keep(new CallAgent(core, info));
  }

  /**
   * An agent for a member, with a member's token; connects to the service.
   * @throws CommunicationServicesError as {@link createCallAgent}.
   */
  async createTeamsCallAgent(
    tokenCredential: CommunicationTokenCredential,
    _options?: TeamsCallAgentOptions,
  ): Promise<TeamsCallAgent> {
    const { core, info } = await this._self._connect('member', tokenCredential);
    return this._self._keep(new TeamsCallAgent(core, info));
  }

  /**
   * Cameras, microphones, speakers; the same object every time. Asks the user for nothing.
   * @throws CommunicationServicesError 500/59204 when the wasm cannot be loaded; then try again.
   */
  getDeviceManager(): Promise<DeviceManager> {
    const self = this._self;
    self._deviceManager ??= settled(async () => {
      await self._start();
      return DeviceManager._open();
    }).catch((error: unknown) => {
      self._deviceManager = undefined;
      throw error;
    });
    return self._deviceManager;
  }

  /** A feature of the client, such as `Features.DebugInfo`; the same object every time. */
  feature<T>(factory: CallClientFeatureFactory<T>): T {
    return makeFeature('client', factory, this._features, undefined);
  }

  /** Disposes its agents and its device manager; with the last client of the page everything else goes, too. */
  async dispose(): Promise<void> {
    const self = this._self;
    self._isDisposed = true;
    const agents = [...self._agents];
    self._agents.clear();
    const results = await Promise.allSettled(agents.map((agent) => agent.dispose()));
    (await self._deviceManager?.catch(() => undefined))?._dispose();
    release(self);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** @internal */
  async _start(): Promise<Core> {
    if (this._isDisposed) throw disposed('CallClient');
    retain(this);
    return loadedCore();
  }

  /** @internal */
  async _connect(
    kind: 'guest' | 'member',
    credential: CommunicationTokenCredential,
    displayName?: string,
  ): Promise<{ core: Core; info: AgentInfo }> {
    if (typeof credential?.getToken !== 'function') {
      throw invalidArgument('A token credential is needed: an object with getToken(), such as AzureCommunicationTokenCredential.');
    }
    const endpoint = this._options.endpoint ?? configuredEndpoint();
    return settled(async () => {
      const core = await this._start();
      const info = await core.createAgent({
        kind,
        ...(displayName !== undefined && { displayName }),
        ...where(credential, endpoint),
      });
      return { core, info };
    });
  }

  /** @internal */
  async _keep<A extends CallAgent | TeamsCallAgent>(agent: A): Promise<A> {
    if (this._isDisposed) {
      await agent.dispose();
      throw disposed('CallClient');
    }
    this._agents.add(agent);
    agent._onDispose = () => this._agents.delete(agent);
    return agent;
  }
}
