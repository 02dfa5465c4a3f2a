//! What name servers answer and which cluster serves
