/** A wait for one reader that others cut short. A call while nobody waits is remembered for the next wait. */
export class Wake {
  #called = false
  #resolve: (() => void) | undefined

  readonly call = (): void => {
    const resolve = this.#resolve
    this.#called = resolve === undefined
    this.#resolve = undefined
    resolve?.()
  }

  wait(): Promise<void> {
    if (this.#called) {
      this.#called = false
      return Promise.resolve()
    }
    return new Promise(resolve => {
      this.#resolve = resolve
    })
  }
}
