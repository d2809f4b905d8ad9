/** Told how far long work has come: `fraction` is 0…1 and never falls; `message` is a short phrase for people. */
export type OnProgress = (fraction: number, message?: string) => void
