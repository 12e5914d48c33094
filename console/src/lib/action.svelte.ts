// Something that is done when somebody asks for it: whether it is under way, and how it failed.
import { asProblem, type Problem } from './api.ts';

export class Action {
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);

  /** Never throws: whether it went well. */
  async run(what: () => Promise<void>): Promise<boolean> {
    this.busy = true;
    this.problem = null;
    try {
      await what();
      return true;
    } catch (error) {
      this.problem = asProblem(error);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
