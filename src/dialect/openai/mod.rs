//! What OpenAI speaks, and all who speak like it.

pub mod chat;
pub mod completions;
pub(super) mod content;
pub mod embeddings;
mod executed;
mod head;
pub mod images;
mod merge;
pub mod moderations;
pub mod speech;
pub mod transcriptions;
pub(super) mod usage;

#[cfg(test)]
mod tests {
    use crate::dialect::{Call, find};

    #[test]
    fn paths_lead_to_their_dialects() {
        let calls = [
            ("openai", "POST", "/v1/chat/completions", "openai.chat"),
            ("any", "POST", "/openai/deployments/d/chat/completions/", "openai.chat"),
            ("mistral", "POST", "/v1/fim/completions", "openai.chat"),
            ("mistral", "POST", "/v1/agents/completions", "openai.chat"),
            ("portkey", "POST", "/v1/prompts/p/completions", "openai.chat"),
            ("writer", "POST", "/v1/chat", "openai.chat"),
            ("xai", "GET", "/v1/chat/deferred-completion/1", "openai.chat"),
            ("perplexity", "GET", "/async/chat/completions/1", "openai.chat"),
            ("openai", "GET", "/v1/chat/completions/chatcmpl-1", ""),
            ("openai", "GET", "/v1/organization/usage/completions", ""),
            ("openai", "POST", "/v1/completions", "openai.completions"),
            ("llamacpp", "POST", "/completions", "llamacpp.completion"),
            ("any", "POST", "/completion", "llamacpp.completion"),
            ("openrouter", "POST", "/api/v1/embeddings", "openai.embeddings"),
            ("ollama", "POST", "/api/embeddings", "ollama.embed"),
            ("ollama", "POST", "/api/embed", "ollama.embed"),
            ("ollama", "POST", "/api/chat", "ollama.chat"),
            ("ollama", "POST", "/api/generate", "ollama.generate"),
            ("ollama", "POST", "/api/pull", ""),
            ("lmstudio", "POST", "/api/v1/chat", "lmstudio.chat"),
            ("lmstudio", "POST", "/api/v0/chat/completions", "openai.chat"),
            ("cohere", "POST", "/v1/chat", "cohere.chat"),
            ("cohere", "POST", "/v2/chat", "cohere.chat"),
            ("cohere", "POST", "/v1/generate", "cohere.generate"),
            ("cohere", "POST", "/v2/embed", "cohere.embed"),
            ("cohere", "POST", "/v2/rerank", "cohere.rerank"),
            ("azure", "POST", "/providers/cohere/v2/rerank", "cohere.rerank"),
            ("voyage", "POST", "/v1/rerank", "rerank"),
            ("mistral", "POST", "/v1/chat/moderations", "openai.moderations"),
            ("mistral", "POST", "/v1/conversations", "mistral.conversations"),
            ("mistral", "POST", "/v1/conversations/c/restart", "mistral.conversations"),
            ("openai", "POST", "/v1/conversations", ""),
            ("mistral", "POST", "/v1/ocr", "mistral.ocr"),
            ("openai", "POST", "/v1/images/edits", "openai.images"),
            ("openai", "POST", "/v1/audio/speech", "openai.speech"),
            ("openai", "POST", "/v1/audio/translations", "openai.transcriptions"),
            ("openai", "POST", "/v1/files", ""),
        ];
        for (provider, method, path, expected) in calls {
            let (provider, method, path) = (provider.to_owned(), method.to_owned(), path.to_owned());
            let call = Call { provider, method, path, ..Call::default() };
            assert_eq!(find(&call).map_or("", |dialect| dialect.name()), expected, "{}", call.path);
        }
    }
}
