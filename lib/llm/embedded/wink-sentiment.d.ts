declare module "wink-sentiment" {
  namespace sentiment {
    /** One token of the phrase. `score` is the AFINN value, −5…5, already turned round where `negation` is set. */
    type Token = { value: string; tag: string; score?: number; negation?: boolean };
    type Verdict = { score: number; normalizedScore: number; tokenizedPhrase?: Token[] };
  }
  function sentiment(phrase: string): sentiment.Verdict;
  export = sentiment;
}
